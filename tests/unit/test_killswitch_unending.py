"""The loops of the kill switch, when their collaborators raise what nobody foresaw."""

import asyncio

import pytest

from sidecar.core.killswitch import Command, Kind, Order, Scope
from sidecar.service.killswitch.unending import unending
from tests.fakes.audit import until
from tests.fakes.by_hand import HALT, ByHand
from tests.fakes.watching import CANCELLED, Watching, block


class Unforeseen(Exception):
    """Of no kind that anybody expects."""


@pytest.fixture
async def here():
    async with Watching() as found:
        yield found


async def test_a_queue_that_raises_anything_is_asked_again(here, caplog):
    here.feed.fail(Unforeseen("from deep down"))
    await until(lambda: "from deep down" in caplog.text)
    assert "Watch.run" in caplog.text
    here.feed.fail(None)
    here.feed.send(block("a1"))
    await until(lambda: here.halted == {"a1"} and not len(here.feed))


async def test_a_disk_that_raises_anything_is_written_to_again(here, caplog):
    here.store.unforeseen = Unforeseen("from deep down")
    here.feed.send(block("a1"))
    await until(lambda: "from deep down" in caplog.text)
    assert here.halted == {"a1"}
    here.store.unforeseen = None
    await until(lambda: not len(here.feed))
    assert [order.scope.name for order in here.store.orders.values()] == ["a1"]


async def test_a_delete_that_raises_anything_is_tried_again(here, caplog):
    here.feed.undeletable = Unforeseen("from deep down")
    here.feed.send(block("a1"))
    await until(lambda: "from deep down" in caplog.text)
    here.feed.undeletable = None
    await until(lambda: not len(here.feed))


async def test_whoever_is_told_of_orders_and_raises_keeps_none_of_them_away(here, caplog):
    raised = []

    def listener(_changed):
        if not raised:
            raised.append(True)
            raise Unforeseen("from deep down")

    here.switch.on_change(listener)
    here.feed.send(block("a1"))
    await until(lambda: "from deep down" in caplog.text)
    assert not here.state.snapshot.halts.is_clear
    await until(lambda: not len(here.feed))
    assert [order.scope.name for order in here.store.orders.values()] == ["a1"]


async def test_an_order_that_cannot_be_folded_takes_no_other_of_its_batch_with_it(here):
    good = Order(Command.BLOCK, Scope(Kind.AGENT, "a"), "c-1", received_at=1.0)
    with pytest.raises(TypeError):
        here.switch.apply([good, Order(Command.BLOCK, Scope(Kind.AGENT, []), "c-2", received_at=1.0)])
    assert not here.state.snapshot.halts.is_clear
    assert here.halted == {"a"}


async def test_what_is_owed_to_a_disk_that_raises_anything_stays_owed(tmp_path):
    host = await ByHand(tmp_path).start()
    host.store.unforeseen = Unforeseen("from deep down")
    host.signals.came = [HALT]
    host.local.look_for_signals()
    keeping = asyncio.ensure_future(unending(host.settling.run))
    await until(lambda: "from deep down" in host.settling.unsettled)
    host.store.unforeseen = None
    await until(host.recorded)
    keeping.cancel()
    await host.close()


async def test_a_loop_outlives_what_it_awaits_and_is_cancelled(here, caplog):
    """Else its task would end without a word, and the daemon go on deaf."""
    here.feed.fail(asyncio.CancelledError("from deep down"))
    await until(lambda: "from deep down" in caplog.text)
    here.feed.fail(None)
    here.feed.send(block("a1"))
    await until(lambda: here.halted == {"a1"})
    assert here.is_running


async def test_a_message_whose_reading_is_cancelled_takes_no_other_with_it(here, caplog):
    here.feed.send(CANCELLED)
    here.feed.send(block("a1"))
    await until(lambda: here.halted == {"a1"})
    assert "its reading was cancelled" in caplog.text


async def test_a_loop_ends_when_it_is_cancelled_and_not_before():
    runs = []

    async def loop():
        runs.append(len(runs))
        if len(runs) > 1:
            await asyncio.Event().wait()

    task = asyncio.ensure_future(unending(loop))
    await until(lambda: len(runs) == 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
