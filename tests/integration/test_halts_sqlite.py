"""The halts on disk: restarts, a file that is damaged in any way, and a disk that is full."""

import contextlib
import random
import resource
import signal
import sqlite3
import stat

import pytest

from sidecar.adapters.sqlite import HaltsSqlite
from sidecar.core.errors import DamagedStore, StoreError
from sidecar.core.killswitch import Command, Kind, Order, Origin, scope
from sidecar.service.ports import Epoch, HaltChange

FLIPS = 100


def halt(number, **changes):
    made = {"reason": f"reason {number}", "seq": number, "issued_at": float(number), **changes}
    return Order(Command.BLOCK, scope(Kind.AGENT, f"agent-{number}"), f"c-{number}", **made)


@contextlib.asynccontextmanager
async def opened(state):
    store = HaltsSqlite(state)
    try:
        yield store
    finally:
        await store.close()


async def filled(state, count=40):
    async with opened(state) as store:
        await store.load()
        for number in range(count):
            await store.put(HaltChange([halt(number)], [f"i-{number}"], Epoch(number, 1.0)))
    return state / "halts.db"


async def loaded(state):
    async with opened(state) as store:
        return await store.load()


async def is_damaged(state):
    """Whether the next start would have everything halted: as the switch does it, and once more after that."""
    async with opened(state) as store:
        try:
            kept = await store.load()
        except DamagedStore:
            await store.quarantine()
            kept = await store.load()
            assert kept.is_damaged
    again = await loaded(state)
    assert again.is_damaged == kept.is_damaged
    return again.is_damaged


async def test_it_outlives_its_process_and_is_for_its_owner_only(tmp_path):
    path = await filled(tmp_path)
    kept = await loaded(tmp_path)
    assert sorted(kept.orders, key=lambda one: one.seq) == [halt(number) for number in range(40)]
    assert list(kept.seen) == [f"i-{number}" for number in range(40)]
    assert (kept.epoch, kept.is_damaged) == (Epoch(39, 1.0), False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_only_the_newest_identities_are_kept(tmp_path):
    async with opened(tmp_path) as store:
        await store.load()
        await store.put(HaltChange(seen=[f"i-{number}" for number in range(25_000)]))
        await store.put(HaltChange(seen=["i-last"]))
        seen = list((await store.load()).seen)
    assert (len(seen), seen[0], seen[-1]) == (20_000, "i-5001", "i-last")


def flipped(raw, offset, bit):
    return raw[:offset] + bytes([raw[offset] ^ 1 << bit]) + raw[offset + 1 :]


async def test_a_bit_that_flips_anywhere_loses_no_halt_unnoticed(tmp_path):
    raw = (await filled(tmp_path)).read_bytes()
    chance, noticed = random.Random(7), 0
    for number in range(FLIPS):
        state = tmp_path / str(number)
        state.mkdir()
        (state / "halts.db").write_bytes(flipped(raw, chance.randrange(len(raw)), chance.randrange(8)))
        if await is_damaged(state):
            noticed += 1
            continue
        kept = await loaded(state)
        assert sorted(kept.orders, key=lambda one: one.seq) == [halt(number) for number in range(40)]
        assert (kept.epoch, kept.is_damaged) == (Epoch(39, 1.0), False)
    assert noticed > FLIPS // 10


@pytest.mark.parametrize("part", [0.0, 0.01, 0.3, 0.5, 0.9, 0.999])
async def test_a_file_that_is_cut_is_damaged(tmp_path, part):
    path = await filled(tmp_path)
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * part)])
    assert await is_damaged(tmp_path)


@pytest.mark.parametrize(
    "content", [b"garbage" * 1000, b"\0" * 8192, b"SQLite format 3\0" + b"\xff" * 5000], ids=range(3)
)
async def test_a_file_that_is_no_database_is_damaged(tmp_path, content):
    (tmp_path / "halts.db").write_bytes(content)
    assert await is_damaged(tmp_path)


async def test_a_torn_file_is_damaged(tmp_path):
    path = await filled(tmp_path)
    raw = path.read_bytes()
    half = len(raw) // 2
    path.write_bytes(raw[:half] + b"\0" * (len(raw) - half))
    assert await is_damaged(tmp_path)


TAMPERINGS = {
    "an order is gone": "DELETE FROM orders WHERE name = 'agent-3'",
    "all are gone": "DELETE FROM orders",
    "an order is another's": "UPDATE orders SET content = (SELECT content FROM orders WHERE name = 'agent-4') "
    "WHERE name = 'agent-3'",
    "an order with its digest is another's": "UPDATE orders SET (content, digest) = "
    "(SELECT content, digest FROM orders WHERE name = 'agent-4') WHERE name = 'agent-3'",
    "an order stands elsewhere": "UPDATE orders SET name = 'agent-x' WHERE name = 'agent-3'",
    "another origin": "UPDATE orders SET origin = 'admin' WHERE name = 'agent-3'",
    "no digest": "UPDATE orders SET digest = x'' WHERE name = 'agent-3'",
    "not damaged any more": "UPDATE standing SET is_damaged = 1",
    "an older epoch": "UPDATE standing SET epoch = 1",
    "no standing": "DELETE FROM standing",
    "no seal": "DELETE FROM seal",
    "another seal": "UPDATE seal SET digest = x'00'",
    "no table of orders": "DROP TABLE orders",
    "another table of orders": "DROP TABLE orders; CREATE TABLE orders (x)",
    "a table is called otherwise": "ALTER TABLE orders RENAME TO ordera",
    "no standing at all": "DROP TABLE standing",
    "no seal at all": "DROP TABLE seal",
    "nothing at all": "DROP TABLE seal; DROP TABLE standing; DROP TABLE orders; DROP TABLE seen",
}


@pytest.mark.parametrize("what", list(TAMPERINGS))
async def test_content_that_is_altered_is_damaged(tmp_path, what):
    path = await filled(tmp_path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(TAMPERINGS[what])
        connection.commit()
    assert await is_damaged(tmp_path)


async def test_damage_is_not_undone_by_altering_what_was_put_in_its_place(tmp_path):
    (tmp_path / "halts.db").write_bytes(b"garbage" * 1000)
    assert await is_damaged(tmp_path)
    for statement in ("UPDATE standing SET is_damaged = 0", "DROP TABLE standing"):
        with contextlib.closing(sqlite3.connect(tmp_path / "halts.db")) as connection:
            connection.executescript(statement)
        assert await is_damaged(tmp_path)


async def test_damage_ends_when_it_is_taken_back_and_not_by_restarts(tmp_path):
    (tmp_path / "halts.db").write_bytes(b"garbage" * 1000)
    for _ in range(3):
        assert await is_damaged(tmp_path)
    async with opened(tmp_path) as store:
        await store.load()
        await store.put(HaltChange(is_damaged=False))
    assert not await is_damaged(tmp_path)


@pytest.mark.parametrize("moved", [1, 2, 3])
async def test_a_crash_while_it_is_put_aside_is_damage_all_the_same(tmp_path, moved):
    path = await filled(tmp_path)
    files = [path, path.with_name("halts.db-wal"), path.with_name("halts.db-shm")]
    for file in files[1:]:
        file.write_bytes(b"left over")
    for file in files[:moved]:
        file.rename(file.with_name(file.name.replace("halts.db", "halts.db.damaged-1")))
    (tmp_path / "halts.db.new").write_bytes(b"half of one")
    assert await is_damaged(tmp_path)
    assert not any(file.exists() for file in files[1:])
    assert (tmp_path / "halts.db.damaged-1-wal").read_bytes() == b"left over"


async def test_a_file_that_is_gone_but_for_its_log_is_damaged(tmp_path):
    path = await filled(tmp_path)
    path.rename(path.with_name("halts.db-wal"))
    assert await is_damaged(tmp_path)


async def test_a_crash_while_it_is_made_leaves_a_new_host(tmp_path):
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"halts.db.new{suffix}").write_bytes(b"half of one")
    assert await loaded(tmp_path) is None
    assert not await is_damaged(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["halts.db"]


async def test_a_file_that_may_not_be_read_is_no_damaged_one(tmp_path):
    (tmp_path / "halts.db").mkdir()
    async with opened(tmp_path) as store:
        with pytest.raises(StoreError) as caught:
            await store.load()
    assert not isinstance(caught.value, DamagedStore)


@contextlib.contextmanager
def files_of_at_most(size):
    """As on a full disk, writes beyond this fail."""
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


async def test_on_a_full_disk_a_put_is_refused_whole_and_works_again_after_that(tmp_path):
    await filled(tmp_path)
    large = [halt(number, reason="x" * 1000, origin=Origin.ADMIN) for number in range(2000)]
    async with opened(tmp_path) as store:
        await store.load()
        with files_of_at_most(200_000), pytest.raises(StoreError) as caught:
            await store.put(HaltChange(large))
        assert not isinstance(caught.value, DamagedStore)
        assert len((await store.load()).orders) == 40
        await store.put(HaltChange(large))
        assert len((await store.load()).orders) == 2040
    assert not await is_damaged(tmp_path)
