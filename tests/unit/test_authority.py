"""The authority: what is read is in force, and what cannot be read releases nothing."""

import asyncio

import pytest

from sidecar.core.errors import SourceUnavailable
from sidecar.core.killswitch import Command, Kind, Order, Proof, scope
from sidecar.core.killswitch.book import State
from sidecar.core.model import Code
from sidecar.service.killswitch.signed_state import SignedState
from tests.fakes.audit import until
from tests.fakes.bundle_source import FakeBundleSource
from tests.fakes.halting import FakeHalting
from tests.fakes.halts_book import HaltsBook
from tests.tools.signing import trust

AGENT, OTHER = scope(Kind.AGENT, "agent:a"), scope(Kind.AGENT, "agent:b")


class House(FakeHalting):
    """With the signed document of a book behind a source in memory."""

    def __init__(self, **settings):
        self.book = HaltsBook()
        self.place = FakeBundleSource()
        super().__init__(lambda self: SignedState(self.place, trust(), self.clock), **settings)

    async def publish(self, **changes):
        self.place.put(self.book.sign(self.clock.now(), **changes))
        return await self.authority.read()


async def test_nothing_is_decided_before_the_state_was_read():
    house = House()
    assert house.code() is Code.KILL_SWITCH_BLIND
    assert await house.publish()
    assert house.code() is Code.ALLOWED


async def test_what_it_names_is_halted_and_what_it_names_no_more_is_free():
    house = House()
    house.book.block(AGENT)
    await house.publish()
    assert (house.code("agent:a"), house.code("agent:b")) == (Code.HALTED, Code.ALLOWED)
    house.book.unblock(AGENT)
    house.clock.advance(1)
    await house.publish()
    assert house.code("agent:a") is Code.ALLOWED
    assert house.store.epoch.number == house.book.epoch


async def test_what_it_states_is_over_with_the_next_one_however_soon():
    house = House()
    house.book.halts[AGENT] = Order(Command.BLOCK, AGENT, "c-1", issued_at=1.0)
    await house.publish()
    del house.book.halts[AGENT]
    house.clock.advance(0.1)
    await house.publish(epoch=2)
    assert house.code() is Code.ALLOWED


async def test_a_halt_of_the_queue_that_is_newer_is_not_released():
    house = House()
    await house.publish()
    house.clock.advance(1)
    order = Order(Command.BLOCK, AGENT, "c-9", proof=Proof.SNS, received_at=house.clock.now())
    await house.switch.take([order])
    house.clock.advance(1.9)
    await house.publish(epoch=2)
    assert house.code() is Code.HALTED
    house.clock.advance(0.1)
    await house.publish(epoch=3)
    assert house.code() is Code.ALLOWED


async def test_a_document_of_an_older_epoch_releases_nothing():
    house = House()
    old = house.book.sign(house.clock.now())
    house.book.block(AGENT)
    await house.publish()
    house.place.put(old)
    house.clock.advance(9)
    assert not await house.authority.read()
    assert not await house.authority.read()  # the source has nothing new: that does not make it right
    assert house.authority.failures == {"rolled_back": 2}
    assert house.code() is Code.HALTED
    house.clock.advance(1)
    assert house.code("agent:b") is Code.KILL_SWITCH_BLIND


async def test_the_epoch_is_remembered_over_a_restart():
    house, again = House(), House()
    old = house.book.sign(house.clock.now())
    house.book.block(AGENT)
    await house.publish()
    again.store = again.switch._store = house.store
    await again.switch.start()
    again.place.put(old)
    assert not await again.authority.read()
    assert "epoch 1" in again.authority.failing
    assert again.code() is Code.HALTED


async def test_nothing_new_confirms_what_is_known_until_it_expires():
    house = House()
    await house.publish(expires_at=house.clock.now() + 15)
    for _ in range(3):
        house.clock.advance(4)
        assert await house.authority.read()
        assert house.code() is Code.ALLOWED
    house.clock.advance(3)
    assert not await house.authority.read()
    assert house.authority.failures == {"expired": 1}


async def test_one_that_is_not_valid_yet_is_read_again_when_it_is():
    house = House()
    raw = house.book.sign(house.clock.now(), issued_at=house.clock.now() + 70)
    house.place.put(raw)
    assert not await house.authority.read()
    house.clock.advance(10)
    assert await house.authority.read()


async def test_an_unreachable_source_is_counted_and_what_is_halted_stays():
    house = House()
    house.book.block(AGENT)
    await house.publish()
    house.place.failing = SourceUnavailable("gone")
    house.clock.advance(11)
    assert not await house.authority.read()
    assert (house.authority.failures, house.authority.failing) == ({"source_unavailable": 1}, "gone")
    assert (house.code("agent:a"), house.code("agent:b")) == (Code.HALTED, Code.KILL_SWITCH_BLIND)
    house.place.failing = None
    assert await house.authority.read()
    assert (house.code("agent:b"), house.authority.failing) == (Code.ALLOWED, "")


async def test_what_could_not_be_stored_is_in_force_and_is_stored_later():
    house = House()
    house.book.block(AGENT)
    house.store.failing = True
    assert not await house.publish()
    assert house.state.snapshot.halts.named
    assert not house.store.orders
    house.store.failing = False
    assert await house.authority.read()  # the source has nothing new
    assert [order.scope for order in house.store.orders.values()] == [AGENT]
    assert house.store.epoch.number == house.book.epoch


async def test_a_damaged_store_halts_everything_until_the_state_was_read():
    house = House()
    house.store.damaged = True
    await house.switch.start()
    house.sight.confirmed()
    assert house.code("agent:b") is Code.HALTED
    house.book.block(AGENT)
    await house.publish()
    assert (house.code("agent:a"), house.code("agent:b")) == (Code.HALTED, Code.ALLOWED)
    assert not house.store.is_damaged


async def test_ten_thousand_halts_come_into_force_together_with_an_order_of_that_moment():
    house = House()
    halts = [scope(Kind.AGENT, f"agent:{number}") for number in range(10_000)]
    stated = State(1.0, tuple(Order(Command.BLOCK, one, str(one), issued_at=1.0) for one in halts))
    restating = asyncio.create_task(house.switch.restate(stated))
    await asyncio.sleep(0)  # it has begun, beside the loop, on what was in force then
    await house.switch.take([Order(Command.BLOCK, OTHER, "c-now", received_at=house.clock.now())])
    await restating
    house.sight.confirmed()
    assert house.code("agent:9999") is Code.HALTED
    assert house.code("agent:b") is Code.HALTED
    assert house.code("agent:x") is Code.ALLOWED
    assert len(house.log.records) == len(house.store.orders) == 10_001


class Slow:
    """A StateSource that has nothing new, and whose reads end when they are let."""

    name = "slow"

    def __init__(self):
        self.begun = 0
        self.go = asyncio.Event()

    async def read(self, newest):
        self.begun += 1
        await self.go.wait()

    async def close(self):
        self.go.set()


async def test_a_hint_that_comes_during_a_read_asks_for_another_one_but_one_at_a_time():
    slow = Slow()
    house = FakeHalting(lambda _: slow)
    house.authority._poll = 3600.0
    task = asyncio.create_task(house.authority.run())
    await until(lambda: slow.begun == 1)
    house.authority.look()
    house.authority.look()
    await asyncio.sleep(0)
    assert slow.begun == 1
    slow.go.set()
    await until(lambda: slow.begun >= 2)
    task.cancel()


async def test_a_read_that_was_answered_late_counts_from_when_it_was_asked():
    house = House()
    await house.publish()
    house.clock.advance(2)

    class Late:
        name = "late"

        async def read(self, newest):
            house.clock.advance(30)  # the process is stopped meanwhile
            return

        async def close(self):
            """There is nothing to let go."""

    house.authority._source = Late()
    assert await house.authority.read()
    assert house.code() is Code.KILL_SWITCH_BLIND


@pytest.mark.parametrize("content", [b"", b"garbage", {"a.yaml": b""}], ids=["empty", "garbage", "folder"])
async def test_what_is_no_document_is_refused(content):
    house = House()
    house.place.put(content)
    assert not await house.authority.read()
    assert list(house.authority.failures.values()) == [1]
    assert house.code() is Code.KILL_SWITCH_BLIND
