"""Acknowledgements in the store of halts: kept with the orders, known again once given, bounded."""

import msgspec
import pytest

from sidecar.adapters.sqlite import HaltsSqlite
from sidecar.core.errors import DamagedStore
from sidecar.core.killswitch.ack import ack_of
from sidecar.service.ports import HaltChange
from tests.fakes.acking import order


@pytest.fixture
async def store(tmp_path):
    made = HaltsSqlite(tmp_path)
    yield made
    await made.close()


def ack(number=1, enforced_at=2.0):
    return msgspec.structs.replace(ack_of(order(f"c-{number}"), enforced_at), stored_at=3.0)


async def test_they_come_back_as_they_were_oldest_first(store):
    kept = [ack(number) for number in (3, 1, 2)]
    await store.put(HaltChange([order()], acks=kept))
    assert list((await store.load()).acks) == kept


async def test_what_was_given_is_known_by_its_id_and_does_not_come_back(store):
    await store.put(HaltChange(acks=[ack(1), ack(2)]))
    await store.put(HaltChange(acknowledged=[ack(1).id]))
    await store.put(HaltChange(acks=[ack(1)]))
    found = await store.load()
    assert (list(found.acks), list(found.acknowledged)) == ([ack(2)], [ack(1).id])


async def test_a_hint_is_replaced_by_what_came_of_it_in_its_place(store):
    await store.put(HaltChange(acks=[ack(1, 0.0), ack(2)]))
    await store.put(HaltChange(acks=[ack(1, 9.0)]))
    assert [one.enforced_at for one in (await store.load()).acks] == [9.0, 2.0]


async def test_the_oldest_go_first(store):
    await store.put(HaltChange(acks=[ack(number) for number in range(10_003)]))
    found = await store.load()
    assert (len(found.acks), found.acks[0]) == (10_000, ack(3))


async def test_one_that_makes_no_sense_is_damage(store, tmp_path):
    await store.put(HaltChange(acks=[ack()]))
    await store._database.run(lambda c: c.execute("UPDATE acks SET content = x'7b'") and c.commit())
    with pytest.raises(DamagedStore):
        await store.load()
