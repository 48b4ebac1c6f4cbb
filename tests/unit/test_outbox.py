"""The outbox: on disk before it is promised, bounded, seen; what it lost it counts."""

import asyncio

import pytest

from sidecar.core.errors import OutboxFull, StoreError
from sidecar.core.owed import Kind
from tests.fakes.owing import OwingHouse


@pytest.fixture
async def house():
    async with OwingHouse().writing() as one:
        yield one


async def test_what_is_owed_is_stored_before_it_is_promised(house):
    await house.outbox.owe(house.item(1, Kind.COMPLETION))
    assert len(house.store.kept) == 1
    status = house.outbox.status()
    assert (status.count, status.oldest) == (1, 0.0)
    house.clock.advance(7)
    assert house.outbox.status().oldest == 7.0


async def test_what_cannot_be_stored_is_not_promised_and_not_owed(house):
    house.store.failing = True
    with pytest.raises(StoreError):
        await house.outbox.owe(house.item(1, Kind.COMPLETION))
    assert house.outbox.status().count == 0
    house.store.failing = False
    await house.outbox.owe(house.item(2, Kind.COMPLETION))
    assert house.outbox.status().count == 1


async def test_whatever_the_disk_raises_nobody_waits_for_ever():
    house = OwingHouse()
    owing = asyncio.create_task(house.outbox.owe(house.item(1, Kind.COMPLETION)))
    await asyncio.sleep(0)
    house.store.unforeseen = RuntimeError("from deep down")
    with pytest.raises(RuntimeError):
        await house.outbox.write()
    with pytest.raises(StoreError, match="from deep down"):
        await owing


async def test_many_at_once_are_all_owed_in_their_order(house):
    await asyncio.gather(*(house.outbox.owe(house.item(n, Kind.COMPLETION)) for n in range(50)))
    await house.deliver()
    assert house.told == list(range(50))


async def test_whoever_stops_waiting_keeps_nobody_from_being_owed(house):
    first = asyncio.create_task(house.outbox.owe(house.item(1, Kind.COMPLETION)))
    second = asyncio.create_task(house.outbox.owe(house.item(2, Kind.COMPLETION)))
    await asyncio.sleep(0)
    first.cancel()
    await second
    assert house.outbox.status().count == 2


async def test_the_next_run_takes_it_up_and_delivers_it_in_order(house):
    for number in range(4):
        await house.outbox.owe(house.item(number, Kind.COMPLETION))
    async with OwingHouse(house.store).writing() as later:
        assert later.outbox.status().count == 4
        await later.deliver()
        assert later.told == [0, 1, 2, 3]
        await later.outbox.write()
        assert later.store.kept == {}


async def test_what_was_delivered_and_not_yet_struck_out_on_disk_is_delivered_again(house):
    await house.outbox.owe(house.item(1, Kind.COMPLETION))
    left = dict(house.store.kept)
    await house.deliver()
    house.store.kept = left
    async with OwingHouse(house.store).writing() as later:
        await later.deliver()
        assert later.told == [1]


async def test_where_there_is_no_room_reports_go_first_and_are_counted():
    async with OwingHouse(limit=1600).writing() as house:
        await house.outbox.owe(house.item(1, Kind.REPORT))
        await house.outbox.owe(house.item(2, Kind.COMPLETION))
        await house.outbox.owe(house.item(3, Kind.COMPLETION))
        assert house.outbox.status().dropped == 1
        assert house.counted('ascend_sidecar_outbox_dropped_total{kind="report",why="room"} 1.0')
        await house.deliver()
        assert house.told == [2, 3]


async def test_what_was_promised_is_never_crowded_out_and_no_more_is_promised():
    async with OwingHouse(limit=1600).writing() as house:
        for number in (1, 2):
            await house.outbox.owe(house.item(number, Kind.COMPLETION))
        with pytest.raises(OutboxFull):
            await house.outbox.owe(house.item(3, Kind.COMPLETION))
        await house.outbox.owe(house.item(9, Kind.REPORT))
        assert house.outbox.status().dropped == 1
        assert house.outbox.status().bytes <= 1600
        await house.deliver()
        assert house.told == [1, 2]


async def test_what_is_too_old_is_dropped_and_counted():
    async with OwingHouse(age=100.0).writing() as house:
        await house.outbox.owe(house.item(1, Kind.COMPLETION))
        house.clock.advance(101)
        await house.outbox.owe(house.item(2, Kind.COMPLETION))
        await house.outbox.owe(house.item(3, Kind.COMPLETION))
        await house.deliver()
        assert house.told == [2, 3]
        assert house.counted('ascend_sidecar_outbox_dropped_total{kind="completion",why="age"} 1.0')


async def test_of_an_agents_heartbeats_the_latest_is_delivered(house):
    for number in range(5):
        await house.outbox.owe(house.item(number))
    await house.outbox.owe(house.item(9, agent="agent:b"))
    await house.deliver()
    assert house.told == [4, 9]
    assert house.outbox.status().dropped == 0


async def test_how_far_the_log_was_told_of_is_kept_with_what_is_owed(house):
    await house.outbox.owe(house.item(1, Kind.REPORT), through=12)
    assert house.outbox.through == 12
    async with OwingHouse(house.store).writing() as later:
        assert later.outbox.through == 12


async def test_what_is_owed_is_in_the_metrics(house):
    await house.outbox.owe(house.item(1, Kind.COMPLETION))
    assert house.counted("ascend_sidecar_outbox_items 1.0")
    await house.deliver()
    assert house.counted("ascend_sidecar_outbox_items 0.0")
    assert house.counted('ascend_sidecar_outbox_delivered_total{kind="completion"} 1.0')
