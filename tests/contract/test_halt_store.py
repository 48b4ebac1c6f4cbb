"""One suite for every HaltStore: the fake in memory and the one in SQLite."""

import msgspec
import pytest

from sidecar.adapters.sqlite import HaltsSqlite
from sidecar.core.errors import DamagedStore
from sidecar.core.killswitch import Command, Kind, Order, Origin, Proof, scope
from sidecar.service.ports import Epoch, HaltChange
from tests.fakes.halt_store import FakeHaltStore

ORDER = Order(
    Command.BLOCK, scope(Kind.AGENT, "é"), "c-1", Origin.FLEET, Proof.SIGNED, 7, 1.5, 2.5, 3.5, "r é", "ops", "k"
)  # fmt: skip


@pytest.fixture(params=["fake", "sqlite"])
async def store(request, tmp_path):
    made = FakeHaltStore() if request.param == "fake" else HaltsSqlite(tmp_path)
    yield made
    await made.close()


def unlike(**changes):
    return msgspec.structs.replace(ORDER, **changes)


def by_id(kept):
    return sorted(kept.orders, key=lambda order: order.command_id)


async def test_where_nothing_was_kept_there_is_nothing(store):
    assert await store.load() is None


async def test_what_was_put_comes_back_as_it_was(store):
    await store.load()
    await store.put(HaltChange([ORDER], ["i-1", "i-2"], Epoch(3, 4.5), is_damaged=True))
    kept = await store.load()
    assert (list(kept.orders), list(kept.seen), kept.epoch) == ([ORDER], ["i-1", "i-2"], Epoch(3, 4.5))
    assert kept.is_damaged


async def test_one_order_for_each_scope_origin_and_kind_of_number(store):
    await store.load()
    places = [
        unlike(command_id="a"),
        unlike(command_id="b", seq=None),
        unlike(command_id="c", origin=Origin.ADMIN),
        unlike(command_id="d", scope=scope(Kind.AGENT, "x")),
        unlike(command_id="e", scope=scope(Kind.ORCHESTRATION, "é")),
    ]
    await store.put(HaltChange(places))
    assert by_id(await store.load()) == places
    later = [unlike(command_id="a2", seq=9), unlike(command_id="a3", seq=8), places[1]]
    await store.put(HaltChange(later))
    assert by_id(await store.load()) == [later[1], *places[1:]]


async def test_what_a_change_does_not_name_stays(store):
    await store.load()
    await store.put(HaltChange([ORDER], ["i-1"], Epoch(3, 4.5), is_damaged=True))
    await store.put(HaltChange(seen=["i-2", "i-1"]))
    await store.put(HaltChange())
    kept = await store.load()
    assert (list(kept.orders), kept.epoch, kept.is_damaged) == ([ORDER], Epoch(3, 4.5), True)
    assert set(kept.seen) == {"i-1", "i-2"}
    await store.put(HaltChange(is_damaged=False))
    assert not (await store.load()).is_damaged


async def test_what_was_put_aside_is_gone_and_damage_stays_until_it_is_taken_back(store):
    await store.load()
    await store.put(HaltChange([ORDER], ["i-1"], Epoch(3, 4.5)))
    assert await store.quarantine()
    kept = await store.load()
    assert (list(kept.orders), list(kept.seen), kept.is_damaged) == ([], [], True)
    await store.put(HaltChange([ORDER]))
    assert (await store.load()).is_damaged
    await store.put(HaltChange(is_damaged=False))
    kept = await store.load()
    assert (list(kept.orders), kept.is_damaged) == ([ORDER], False)


async def test_the_fake_is_damaged_when_it_is_told_to():
    fake = FakeHaltStore()
    fake.damaged = True
    with pytest.raises(DamagedStore):
        await fake.load()
