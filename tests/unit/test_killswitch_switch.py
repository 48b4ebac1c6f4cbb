"""The switch: in force at once, settled when it is on disk and on record, and the same after a restart."""

import asyncio

import msgspec
import pytest

from sidecar.core.errors import AuditError, StoreError
from sidecar.core.killswitch import Command, Halts, Kind, Order, Origin, Proof, Scope, agent_target
from sidecar.core.killswitch.book import Outcome
from sidecar.core.killswitch.book import State as Stated
from sidecar.core.masking import Masker
from sidecar.service.killswitch.switch import KillSwitch
from sidecar.service.ports import Epoch
from sidecar.service.state import State
from tests.fakes.clock import TurnedClock
from tests.fakes.decision_log import FakeDecisionLog
from tests.fakes.halt_store import FakeHaltStore
from tests.tools.bundles import bundle

A = Scope(Kind.AGENT, "a")


class Room:
    """One switch with a store that outlives it."""

    def __init__(self, store=None, **settings):
        self.clock = TurnedClock()
        self.log = FakeDecisionLog(self.clock)
        self.store = store or FakeHaltStore()
        self.state = State(Masker(bundle("rules: []\n").masking, b"k" * 32))
        self.switch = KillSwitch(self.state, self.store, self.log, self.clock, Halts(), **settings)
        self.heard = []
        self.switch.on_change(self.heard.extend)

    @property
    def settled(self):
        """The identities of orders that a restart would take for duplicates."""
        return self.store.seen

    def is_halted(self, name="a"):
        halts = self.state.snapshot.halts
        return halts.is_damaged or halts.find(agent_target(name), self.clock.now()) is not None

    @property
    def recorded(self):
        return [(one["order"]["command_id"], one["outcome"]) for one in self.log.records]

    async def again(self, **settings):
        """What the next run makes of the same disk."""
        room = Room(self.store, **settings)
        await room.switch.start()
        return room


async def room(**settings):
    made = Room(**settings)
    await made.switch.start()
    return made


def block(name="a", **changes):
    made = Order(Command.BLOCK, Scope(Kind.AGENT, name), f"c-{name}", received_at=1.0)
    return msgspec.structs.replace(made, **changes)


def unblock(name="a", **changes):
    return block(name, **({"command": Command.UNBLOCK, "command_id": f"u-{name}"} | changes))


async def test_an_order_is_in_force_and_told_of_before_anything_is_awaited():
    made = await room()
    taken = made.switch.apply([block()])
    assert made.is_halted()
    assert made.heard == [block()]
    assert [(one.outcome, one.stored_at) for one in taken] == [(Outcome.APPLIED, 0.0)]
    assert (made.store.orders, made.log.lines, made.settled) == ({}, [], [])


async def test_it_is_settled_once_it_is_on_disk_and_on_record_and_not_before():
    made = await room()
    made.store.hang()
    task = asyncio.ensure_future(made.switch.take([block()]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert made.is_halted()
    assert (made.recorded, made.settled) == ([], [])
    made.store.release()
    (taken,) = await task
    assert taken.stored_at > 0
    assert made.recorded == [("c-a", "applied")]
    assert made.settled == [block().identity]


async def test_a_restart_has_the_same_halts_and_knows_the_same_orders():
    made = await room()
    await made.switch.take([block(), block("b", origin=Origin.ADMIN), unblock("x")])
    later = await made.again()
    assert [later.is_halted(name) for name in "ab"] == [True, True]
    assert later.switch.in_force() == made.switch.in_force()
    taken = await later.switch.take([block(), unblock("x")])
    assert [one.outcome for one in taken] == [Outcome.DUPLICATE, Outcome.DUPLICATE]
    assert later.recorded == []


async def test_what_a_full_disk_does_not_take_is_in_force_and_written_by_the_next_that_it_takes():
    made = await room()
    made.store.failing = True
    with pytest.raises(StoreError):
        await made.switch.take([block()])
    assert made.is_halted()
    assert (made.recorded, made.settled) == ([], [])
    made.store.failing = False
    # The message comes again; the order is known and yet has to be settled.
    (taken,) = await made.switch.take([block()])
    assert taken.outcome is Outcome.DUPLICATE
    assert made.recorded == [("c-a", "applied")]
    assert len(made.settled) == 1
    assert (await made.again()).is_halted()


async def test_what_could_not_be_settled_is_settled_with_another_order_too():
    made = await room()
    made.store.failing = True
    with pytest.raises(StoreError):
        await made.switch.take([block()])
    made.store.failing = False
    await made.switch.take([block("b")])
    assert made.recorded == [("c-a", "applied"), ("c-b", "applied")]
    later = await made.again()
    assert [later.is_halted(name) for name in "ab"] == [True, True]


async def test_what_cannot_be_recorded_is_not_settled():
    made = await room()
    made.log.failing = True
    with pytest.raises(AuditError):
        await made.switch.take([block()])
    assert made.is_halted()
    assert made.settled == []
    made.log.failing = False
    await made.switch.settle([])
    assert made.recorded == [("c-a", "applied")]
    assert made.settled == [block().identity]


async def test_what_is_written_late_is_not_older_than_what_was_written_meanwhile():
    made = await room()
    made.store.failing = True
    with pytest.raises(StoreError):
        await made.switch.take([block(seq=1, proof=Proof.SIGNED)])
    made.store.failing = False
    await made.switch.take([block(seq=2, proof=Proof.SIGNED, command_id="c-2", reason="newer")])
    (kept,) = made.store.orders.values()
    assert (kept.seq, kept.reason) == (2, "newer")


@pytest.mark.parametrize("takes", [False, True])
async def test_a_signed_release_is_a_hint_unless_the_operator_takes_it(takes):
    made = await room(takes_signed_unblock=takes)
    await made.switch.take([block(seq=1, proof=Proof.SIGNED)])
    (taken,) = await made.switch.take([unblock(seq=2, proof=Proof.SIGNED)])
    assert taken.outcome is (Outcome.APPLIED if takes else Outcome.HINT)
    assert made.is_halted() is not takes
    assert len(made.heard) == 1 + takes
    assert (await made.again()).is_halted() is not takes


async def test_what_one_origin_has_halted_another_does_not_release():
    made = await room()
    await made.switch.take([block(), block(origin=Origin.ADMIN, command_id="c-2")])
    await made.switch.take([unblock(origin=Origin.ADMIN), unblock(origin=Origin.FILE, command_id="u-2")])
    assert made.is_halted()
    assert [one.origin for one in made.switch.in_force()] == [Origin.FLEET]
    assert made.switch.in_force([Origin.ADMIN]) == []


async def test_the_same_id_of_another_origin_is_another_order():
    made = await room()
    await made.switch.take([block()])
    (taken,) = await made.switch.take([block(origin=Origin.ADMIN)])
    assert taken.outcome is Outcome.APPLIED


async def test_a_state_releases_what_it_does_not_name_and_adds_what_it_does():
    made = await room()
    now = made.clock.now()
    await made.switch.take([block(), block("b", origin=Origin.ADMIN)])
    stated = block("x", proof=Proof.STATE, command_id="s")
    changed = await made.switch.restate(Stated(now, (stated,)), Epoch(3, now))
    assert {one.scope.name for one in changed} == {"a", "x"}
    assert [made.is_halted(name) for name in "abx"] == [False, True, True]
    assert {one.command_id for one in made.heard[2:]} == {"c-a", "s"}
    later = await made.again()
    assert [later.is_halted(name) for name in "abx"] == [False, True, True]
    assert later.switch.epoch == Epoch(3, now)
    assert await made.switch.restate(Stated(now, (stated,)), Epoch(3, now)) == ()


async def test_damage_halts_everything_through_restarts_until_the_whole_state_is_known():
    made = Room()
    made.store.damaged = True
    await made.switch.start()
    assert made.switch.quarantined
    for name in ("a", "anyone"):
        assert made.is_halted(name)
    later = await made.again()
    assert later.is_halted()
    await later.switch.take([block("b")])
    await later.switch.restate(Stated(later.clock.now() + 10, is_whole=False))
    assert later.is_halted()
    assert (await later.again()).is_halted()
    await later.switch.restate(Stated(later.clock.now() + 20))
    assert not later.is_halted()
    assert not (await later.again()).is_halted()


async def test_damage_ends_by_a_reset_that_is_on_disk():
    made = Room()
    made.store.damaged = True
    await made.switch.start()
    await made.switch.take([block("b")])
    made.store.failing = True
    with pytest.raises(StoreError):
        await made.switch.reset()
    made.switch.apply([unblock("b", origin=Origin.ADMIN)])
    assert made.is_halted()
    made.store.failing = False
    await made.switch.reset()
    assert [made.is_halted(name) for name in "ab"] == [False, True]
    later = await made.again()
    assert [later.is_halted(name) for name in "ab"] == [False, True]


async def test_a_store_that_cannot_be_read_is_no_start():
    class Unreadable(FakeHaltStore):
        async def load(self):
            raise StoreError("made to fail")

    with pytest.raises(StoreError):
        await Room(Unreadable()).switch.start()


async def test_many_at_once_are_settled_together():
    made = await room()
    taken = await made.switch.take([block(str(number)) for number in range(1000)])
    assert len(taken) == len(made.settled) == len(made.log.records) == 1000
    assert len(made.store.events) <= 2
    assert len((await made.again()).switch.in_force()) == 1000
