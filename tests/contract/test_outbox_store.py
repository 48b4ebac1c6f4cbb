"""One suite for every OutboxStore: the fake in memory and the one in SQLite."""

import pytest

from sidecar.adapters.sqlite import OutboxSqlite
from sidecar.core.errors import StoreError
from sidecar.core.owed import Kind, Owed
from sidecar.service.ports import Slip
from tests.fakes.outbox_store import FakeOutboxStore


@pytest.fixture(params=["fake", "sqlite"])
async def store(request, tmp_path):
    made = FakeOutboxStore() if request.param == "fake" else OutboxSqlite(tmp_path)
    yield made
    await made.close()


def item(number, kind=Kind.COMPLETION, agent="agent:a"):
    owed = Owed(kind, agent, f"asc_{number}", 1.5, "/api/x", {"n": number, "é": [1.0, None]})
    return Slip(number, kind, agent, 1.5, 100 + number), owed


async def test_an_empty_store_owes_nothing(store):
    slips, through = await store.load()
    assert (list(slips), through) == ([], None)
    assert await store.read(1) is None


async def test_what_was_put_comes_back_as_it_was_in_the_order_of_its_numbers(store):
    items = [item(2, Kind.ACK), item(1), item(10, Kind.REPORT, "agent:b")]
    await store.put(items, (), 7)
    slips, through = await store.load()
    assert list(slips) == [slip for slip, _ in sorted(items, key=lambda one: one[0].number)]
    assert through == 7
    assert await store.read(10) == items[2][1]


async def test_what_is_gone_is_gone_and_the_rest_stays(store):
    await store.put([item(1), item(2)], ())
    await store.put([item(3)], (1, 99))
    assert [slip.number for slip in (await store.load())[0]] == [2, 3]
    assert await store.read(1) is None


async def test_how_far_it_went_stays_until_it_is_told_anew(store):
    await store.put((), (), 4)
    await store.put([item(1)], ())
    assert (await store.load())[1] == 4
    await store.put((), (), 9)
    assert (await store.load())[1] == 9


async def test_a_put_is_whole_or_not_at_all(store):
    await store.put([item(1), item(2)], (), 4)
    with pytest.raises(StoreError):
        await store.put([item(3), item(2)], (1,), 5)
    assert [slip.number for slip in (await store.load())[0]] == [1, 2]
    assert (await store.load())[1] == 4


async def test_it_outlives_its_process_and_is_for_its_owner_only(tmp_path):
    first = OutboxSqlite(tmp_path)
    await first.put([item(1)], (), 3)
    mode = (tmp_path / "outbox.db").stat().st_mode & 0o777
    await first.close()
    second = OutboxSqlite(tmp_path)
    assert ([slip.number for slip in (await second.load())[0]], mode) == ([1], 0o600)
    assert await second.read(1) == item(1)[1]
    await second.close()


async def test_a_file_that_is_no_database_is_an_error(tmp_path):
    (tmp_path / "outbox.db").write_bytes(b"garbage" * 1000)
    store = OutboxSqlite(tmp_path)
    with pytest.raises(StoreError):
        await store.load()
    await store.close()
