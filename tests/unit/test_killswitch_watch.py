"""The loop of the kill switch: what it does with messages, in which order, and whatever fails."""

import json
import random

import msgspec
import pytest

from sidecar.core.errors import FeedError
from sidecar.core.killswitch import Command, Kind, Order, Proof, scope
from sidecar.core.killswitch.wire import Refusal, Refused
from sidecar.service.ports import FeedTrouble
from tests.fakes.audit import until
from tests.fakes.watching import STUCK, Watching, beacon, block, refused

GONE = FeedError(FeedTrouble.UNREACHABLE, "nobody there")


@pytest.fixture
async def here():
    async with Watching() as found:
        yield found


async def test_an_order_is_enforced_then_stored_then_deleted(here):
    here.feed.send(block("a1"))
    await until(lambda: not len(here.feed))
    assert here.halted == {"a1"}
    assert here.events == ["receive", "enforce", "store", "delete"]
    assert [record["outcome"] for record in here.records("kill_switch_order")] == ["applied"]


async def test_all_orders_of_a_batch_are_in_force_before_the_first_is_stored(here):
    here.store.hang()
    for number in range(9):
        here.feed.send(block(f"a{number}"))
    await until(lambda: len(here.halted) == 9)
    assert "store" not in here.events
    assert len(here.feed) == 9
    here.store.release()
    await until(lambda: not len(here.feed))


async def test_a_disk_that_hangs_does_not_keep_the_next_halt_away(here):
    here.store.hang()
    here.feed.send(block("a1"))
    await until(lambda: here.halted == {"a1"})
    here.feed.send(block("a2"))
    await until(lambda: here.halted == {"a1", "a2"})
    assert len(here.feed) == 2
    here.store.release()
    await until(lambda: not len(here.feed))
    assert {order.scope.name for order in here.store.orders.values()} == {"a1", "a2"}


async def test_what_cannot_be_stored_is_in_force_and_not_deleted_until_it_can(here):
    here.store.failing = True
    here.feed.send(block("a1"))
    await until(lambda: here.watch.status().unsettled)
    assert here.halted == {"a1"}
    assert "delete" not in here.events
    here.store.failing = False
    await until(lambda: not len(here.feed))
    assert [order.scope.name for order in here.store.orders.values()] == ["a1"]
    assert here.watch.status().unsettled == ""


async def test_what_cannot_be_recorded_is_in_force_and_not_deleted_until_it_can(here):
    here.log.failing = True
    here.feed.send(block("a1"))
    await until(lambda: here.watch.status().unsettled)
    assert here.halted == {"a1"}
    assert "delete" not in here.events
    here.log.failing = False
    await until(lambda: not len(here.feed))
    assert here.records("kill_switch_order")


async def test_messages_that_cannot_be_deleted_do_not_block_others(here):
    here.feed.undeletable = FeedError(FeedTrouble.DENIED, "not allowed")
    here.feed.send(block("a1"))
    await until(lambda: here.watch.status().unsettled == "not allowed")
    assert b'receive_errors_total{why="undeleted"}' in here.metrics.render()
    here.feed.send(block("a2"))
    await until(lambda: here.halted == {"a1", "a2"})
    here.feed.undeletable = None
    await until(lambda: not len(here.feed))
    assert here.count("duplicate") >= 1
    assert len(here.records("kill_switch_order")) == 2


async def test_no_poll_is_hot_while_nothing_can_be_deleted(here):
    here.feed.undeletable = FeedError(FeedTrouble.DENIED, "not allowed")
    here.feed.send(block("a1"))
    await until(lambda: here.events.count("receive") >= 5)
    assert here.events.count("receive") <= here.events.count("not deleted") + 1


async def test_a_full_batch_that_cannot_be_deleted_is_no_sign_of_sight(here):
    here.feed.undeletable = FeedError(FeedTrouble.DENIED, "not allowed")
    for number in range(11):
        here.feed.send(block(f"a{number}"))
    await until(lambda: here.watch.status().unsettled)
    signs = len(here.sight.received_with)
    before = here.events.count("receive")
    await until(lambda: here.events.count("receive") >= before + 2)
    assert len(here.sight.received_with) == signs
    assert here.authority.looks > 0


async def test_a_full_batch_that_hangs_on_the_disk_is_no_sign_of_sight(here):
    here.store.hang()
    for number in range(11):
        here.feed.send(block(f"a{number}"))
    before = here.events.count("receive")
    await until(lambda: here.events.count("receive") >= before + 1)
    signs = len(here.sight.received_with)
    await until(lambda: here.events.count("receive") >= before + 3)
    assert len(here.sight.received_with) <= signs + 1
    here.store.release()
    await until(lambda: not len(here.feed))
    assert len(here.halted) == 11


async def test_a_duplicate_is_deleted_and_does_nothing(here):
    first = here.feed.send(block("a1"))
    here.feed.again.add(first)
    await until(lambda: not len(here.feed))
    assert here.count("duplicate") == 1
    assert len(here.records("kill_switch_order")) == 1


async def test_a_poll_counts_as_sight_only_once_its_orders_are_in_force(here):
    await until(lambda: here.sight.received_with)
    assert here.sight.received_with[0] is False
    here.feed.send(block("a1"))
    await until(lambda: not len(here.feed))
    assert here.sight.received_with[1] is True


async def test_a_message_whose_reading_hangs_does_not_hold_up_the_rest_of_its_batch(here):
    here.feed.send(STUCK)
    for number in range(9):
        here.feed.send(block(f"a{number}"))
    await until(lambda: len(here.halted) == 9)
    assert here.count("unread") == 0, "it is still being read"


async def test_a_message_that_cannot_be_read_harms_no_other_and_is_kept_in_the_log_in_the_end(here):
    poison = here.feed.send('{"poison":')
    here.feed.send(block("a1"))
    await until(lambda: here.halted == {"a1"})
    assert here.is_running
    await until(lambda: not len(here.feed))
    [record] = here.records("kill_switch_refused")
    assert (record["why"], record["message_id"], record["body"]) == ("unreadable", poison, '{"poison":')
    assert here.count("unread") == 10


async def test_while_something_cannot_be_read_nothing_counts_as_sight(here):
    await until(lambda: here.sight.received_with)
    here.feed.send('{"poison":')
    await until(lambda: here.count("unread") >= 3)
    assert len(here.sight.received_with) == 1
    assert here.authority.looks >= 3


async def test_a_refused_message_is_recorded_and_deleted(here):
    name = here.feed.send(refused("forged"))
    await until(lambda: not len(here.feed))
    [record] = here.records("kill_switch_refused")
    assert (record["why"], record["reason"], record["message_id"]) == ("untrusted", "forged", name)
    assert not here.halted
    assert here.count("refused") == 1
    assert here.metrics.orders_refused == 1


async def test_a_refused_message_that_cannot_be_recorded_is_not_deleted(here):
    here.log.failing = True
    here.feed.send(refused("forged"))
    await until(lambda: here.watch.status().unsettled)
    assert len(here.feed) == 1
    here.log.failing = False
    await until(lambda: not len(here.feed))
    assert len(here.records("kill_switch_refused")) == 1


async def test_a_refused_message_that_cannot_be_deleted_is_recorded_once(here):
    here.feed.undeletable = GONE
    here.feed.send(refused("forged"))
    await until(lambda: here.count("refused") >= 3)
    here.feed.undeletable = None
    await until(lambda: not len(here.feed))
    assert len(here.records("kill_switch_refused")) == 1


async def test_a_flood_of_refused_messages_cannot_fill_the_log(here):
    for number in range(40):
        here.feed.send(refused(f"forged {number}"))
    await until(lambda: not len(here.feed))
    assert len(here.records("kill_switch_refused")) == 10
    assert here.count("unrecorded") == 30
    here.clock.advance(1.0)
    here.feed.send(refused("one more"))
    await until(lambda: not len(here.feed))
    assert "30 messages before it" in here.records("kill_switch_refused")[-1]["reason"]


async def test_a_beacon_is_told_and_deleted_without_touching_the_disk(here):
    here.feed.send(beacon(1000.0))
    await until(lambda: not len(here.feed))
    assert here.sight.beacons == [1000.0]
    assert here.events == ["receive", "delete"]
    assert here.count("beacons") == 1


async def test_a_release_is_a_hint_that_asks_the_authority_at_once(here):
    here.feed.send(block("a1"))
    here.feed.send(block("a1", 2, "UNBLOCK"))
    await until(lambda: not len(here.feed))
    assert here.halted == {"a1"}
    assert here.count("hint") == 1
    assert here.authority.looks == 1


async def test_a_gap_in_the_numbers_of_a_scope_asks_the_authority_at_once(here):
    here.feed.send(block("a1", 1))
    await until(lambda: not len(here.feed))
    here.feed.send(block("a1", 3))
    await until(lambda: not len(here.feed))
    assert here.authority.looks == 1


async def test_the_first_poll_and_the_first_after_an_error_are_short(here):
    await until(lambda: len(here.feed.waits) == 2)
    assert here.feed.waits == [0.0, 5.0]
    here.feed.fail(GONE)
    await until(lambda: here.watch.status().why == "unreachable")
    assert here.watch.status().error == "nobody there"
    assert b'receive_errors_total{why="unreachable"}' in here.metrics.render()
    here.feed.fail(None)
    await until(lambda: here.watch.status().why == "" and here.feed.waits[-1] == 5.0)
    assert set(here.feed.waits[2:-1]) == {0.0}


async def test_an_error_is_no_sign_of_sight(here):
    await until(lambda: here.sight.received_with)
    here.feed.fail(GONE)
    await until(lambda: here.count("errors") >= 3)
    assert len(here.sight.received_with) == 1


async def test_an_answer_from_before_the_host_slept_is_no_sign_of_sight(here):
    await until(lambda: here.feed.waits[-1:] == [5.0] and here.sight.received_with)
    seen = len(here.sight.received_with)
    here.clock.advance(3600.0)  # what the clock counts goes on while a host sleeps, the poll does not
    here.feed.send(block("a1"))
    await until(lambda: here.halted == {"a1"})
    await until(lambda: not len(here.feed))
    await until(lambda: len(here.sight.received_with) > seen)
    assert here.sight.received_with[seen:] == [True]  # that of the poll after it


@pytest.mark.parametrize("why", ["unverified", "no_certificate"])
async def test_what_could_not_be_verified_asks_the_authority(here, why):
    here.feed.send(json.dumps({"refused": "no certificate", "why": why}))
    await until(lambda: not len(here.feed))
    assert here.authority.looks == 1
    here.feed.send(refused("forged"))
    await until(lambda: not len(here.feed))
    assert here.authority.looks == 1


async def test_a_halt_that_is_proven_later_is_stored_as_proven(here):
    order = Order(Command.BLOCK, scope(Kind.AGENT, "a1"), "c1", proof=Proof.PROVISIONAL)
    here.switch.apply([order])
    here.reader.judged = [msgspec.structs.replace(order, proof=Proof.SNS)]
    assert await here.intake.reverify()
    assert [one.proof for one in here.switch.in_force()] == [Proof.SNS]


async def test_a_halt_that_turns_out_to_be_forged_stays_and_the_authority_is_asked(here):
    here.switch.apply([Order(Command.BLOCK, scope(Kind.AGENT, "a1"), "c1", proof=Proof.PROVISIONAL)])
    here.reader.judged = [Refused(Refusal.BAD_SIGNATURE, "not good")]
    assert not await here.intake.reverify()
    assert here.halted == {"a1"}
    assert here.authority.looks == 1
    assert b'refused_total{why="bad_signature"} 1.0' in here.metrics.render()


async def test_orders_that_come_late_twice_and_out_of_order_all_take_effect(here):
    here.feed.chance = random.Random(5)
    for number in range(200):
        name = here.feed.send(block(f"a{number}"))
        if number % 3 == 0:
            here.feed.again.add(name)
    await until(lambda: not len(here.feed))
    assert len(here.halted) == 200
    assert len(here.store.orders) == 200


async def test_a_restart_takes_up_what_was_stored_and_not_deleted():
    here = Watching()
    here.feed.undeletable = GONE
    async with here:
        here.feed.send(block("a1"))
        await until(lambda: here.watch.status().unsettled)
    there = Watching()
    there.store.orders, there.store.seen = here.store.orders, here.store.seen
    there.feed.send(block("a1"))
    async with there:
        assert there.halted == {"a1"}
        await until(lambda: not len(there.feed))
        assert there.count("duplicate") == 1


async def test_a_queue_that_seems_to_be_another_ones_too_is_told(here):
    here.clock.advance(100.0)
    for _ in range(3):
        here.feed.send(beacon(1000.0), number=1)
    await until(lambda: not len(here.feed))
    assert here.watch.status().shared_queue_suspected
    assert "others seem to read from memory" in here.watch.shared()


async def test_ten_thousand_orders_at_once_are_all_in_force_stored_and_gone(here):
    for number in range(10_000):
        here.feed.send(block(f"a{number}"))
    await until(lambda: not len(here.feed), 60.0)
    assert len(here.halted) == len(here.store.orders) == 10_000
    assert here.count("received") == 10_000, "none came twice, because each batch was gone before the next"
