"""The kill switch's orders in SQLite: `halts.db` in the state folder.

Each row bears a digest of its content, because SQLite notices torn pages, but not altered bytes within a value; and
all of them a seal (halts_seal.py). The file comes to be whole and sealed, so that one which is not is a damaged one.
"""

import hashlib
import os
import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from sidecar.adapters.sqlite.database import Database
from sidecar.adapters.sqlite.halts_seal import SEAL, check_seal, replaced, set_seal
from sidecar.core.errors import DamagedStore, StoreError
from sidecar.core.killswitch import Order
from sidecar.core.killswitch.ack import Ack
from sidecar.service.ports import Epoch, HaltChange, KeptHalts

_SEEN_AT_MOST: Final = 20_000
_ACKS_AT_MOST: Final = 10_000
_DIGEST: Final = 16
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS orders (
  origin TEXT NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  is_numbered INTEGER NOT NULL,
  content BLOB NOT NULL,
  digest BLOB NOT NULL,
  PRIMARY KEY (origin, kind, name, is_numbered)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seen (number INTEGER PRIMARY KEY AUTOINCREMENT, command_id TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE IF NOT EXISTS acks (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  content BLOB
) STRICT;
CREATE TABLE IF NOT EXISTS standing (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  is_damaged INTEGER NOT NULL DEFAULT 0,
  epoch INTEGER NOT NULL DEFAULT 0,
  issued_at REAL NOT NULL DEFAULT 0
) STRICT;
INSERT OR IGNORE INTO standing (one) VALUES (1);
"""
_FILES: Final = ("", "-wal", "-shm")
_decoder: Final = msgspec.json.Decoder(Order)
_ack_decoder: Final = msgspec.json.Decoder(Ack)
_encode: Final = msgspec.json.Encoder().encode


class HaltsSqlite:
    """The HaltStore of a state folder."""

    def __init__(self, state: Path, name: str = "halts.db") -> None:
        self._path = state / name
        self._database = Database(self._path, _SCHEMA + SEAL)

    async def load(self) -> KeptHalts | None:
        if not self._path.exists():
            return await self._begin()
        try:
            return await self._database.run(_load)
        except StoreError as error:
            raise self._as_damage(error) from error

    async def put(self, change: HaltChange) -> None:
        await self._database.run(lambda connection: _put(connection, change))

    async def quarantine(self) -> str:
        await self._database.close_connection()
        aside = self._path.with_name(f"halts.db.damaged-{time.time_ns()}")
        self._set_aside(aside)
        await self._create(HaltChange(is_damaged=True))
        return str(aside)

    async def close(self) -> None:
        await self._database.close()

    async def _begin(self) -> KeptHalts | None:
        """There is no database. Where one was set aside, or left something, the end of that is not known."""
        found = self._path.parent.glob("halts.db.damaged-*")
        aside = sorted(path for path in found if not path.name.endswith(_FILES[1:]))
        if aside:
            # The last run ended before it had moved all of it: what is left would be read into the new one.
            self._set_aside(aside[-1])
            await self._create(HaltChange(is_damaged=True))
            return KeptHalts(is_damaged=True)
        if self._file("-wal").exists():
            raise DamagedStore(f"{self._path} is gone, and what was to be written to it is there")
        await self._create(HaltChange())
        return None

    async def _create(self, change: HaltChange) -> None:
        """The database with this alone, whole as soon as it is there at all. Raises StoreError."""
        draft = HaltsSqlite(self._path.parent, "halts.db.new")
        try:
            for suffix in _FILES:
                draft._file(suffix).unlink(missing_ok=True)
            try:
                await draft.put(change)
            finally:
                await draft.close()
            draft._path.rename(self._path)
            _sync_folder(self._path.parent)
        except OSError as error:
            raise StoreError(f"{self._path} cannot be made: {error.strerror}") from error

    def _set_aside(self, aside: Path) -> None:
        """Raises StoreError."""
        try:
            for suffix in _FILES:
                with suppress(FileNotFoundError):
                    self._file(suffix).rename(f"{aside}{suffix}")
        except OSError as error:
            raise StoreError(f"{self._path} is damaged and cannot be put aside: {error.strerror}") from error

    def _file(self, suffix: str) -> Path:
        return self._path.with_name(self._path.name + suffix)

    @staticmethod
    def _as_damage(error: StoreError) -> StoreError:
        """A file that cannot be opened or read is not one that was read and makes no sense."""
        cause = error.__cause__
        if isinstance(cause, OSError):
            return error
        if isinstance(cause, sqlite3.OperationalError):
            # Of these only the plain error is the fault of what stands in the file: a table of another shape.
            code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
            if code != sqlite3.SQLITE_ERROR:
                return error
        return DamagedStore(str(error))


def _sync_folder(folder: Path) -> None:
    """A rename is on disk once its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _load(connection: sqlite3.Connection) -> KeptHalts:
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(str(verdict))
    check_seal(connection)
    rows = connection.execute("SELECT origin, kind, name, is_numbered, content, digest FROM orders")
    orders = [_order(place, content, digest) for *place, content, digest in rows]
    newest = "SELECT command_id FROM (SELECT * FROM seen ORDER BY number DESC LIMIT ?) ORDER BY number"
    seen = [command_id for (command_id,) in connection.execute(newest, (_SEEN_AT_MOST,))]
    standing = connection.execute("SELECT is_damaged, epoch, issued_at FROM standing").fetchone()
    if standing is None:
        raise sqlite3.DatabaseError("its standing is missing")
    is_damaged, number, issued_at = standing
    acks = connection.execute("SELECT id, content FROM acks ORDER BY number").fetchall()
    return KeptHalts(
        orders,
        seen,
        Epoch(number, issued_at),
        bool(is_damaged),
        [_ack_decoder.decode(content) for _, content in acks if content is not None],
        [ack_id for ack_id, content in acks if content is None],
    )


def _order(place: list[str | int], content: bytes, digest: bytes) -> Order:
    order = _decoder.decode(content)
    if _digest(content) != digest or tuple(place) != _place(order):
        raise sqlite3.DatabaseError("an order is not what was kept")
    return order


def _put(connection: sqlite3.Connection, change: HaltChange) -> None:
    with connection:
        rows = _rows(change.orders)
        gone = replaced(connection, rows)
        connection.executemany("INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?, ?, ?)", rows)
        if change.seen:
            ids = [(command_id,) for command_id in change.seen]
            connection.executemany("INSERT OR IGNORE INTO seen (command_id) VALUES (?)", ids)
            oldest = "DELETE FROM seen WHERE number <= (SELECT max(number) FROM seen) - ?"
            connection.execute(oldest, (_SEEN_AT_MOST,))
        if change.epoch is not None:
            epoch = (change.epoch.number, change.epoch.issued_at)
            connection.execute("UPDATE standing SET epoch = ?, issued_at = ?", epoch)
        if change.is_damaged is not None:
            connection.execute("UPDATE standing SET is_damaged = ?", (change.is_damaged,))
        set_seal(connection, gone, [digest for *_, digest in rows])
        if change.acks or change.acknowledged:
            _put_acks(connection, change)


def _put_acks(connection: sqlite3.Connection, change: HaltChange) -> None:
    """One that is acknowledged keeps its place without its content, so that it is known again."""
    rows = [(ack.id, _encode(ack)) for ack in change.acks]
    connection.executemany(
        "INSERT INTO acks (id, content) VALUES (?, ?)"
        " ON CONFLICT (id) DO UPDATE SET content = excluded.content WHERE content IS NOT NULL",
        rows,
    )
    ids = [(ack_id,) for ack_id in change.acknowledged]
    connection.executemany("UPDATE acks SET content = NULL WHERE id = ?", ids)
    oldest = "DELETE FROM acks WHERE number <= (SELECT max(number) FROM acks) - ?"
    connection.execute(oldest, (_ACKS_AT_MOST,))


def _rows(orders: Sequence[Order]) -> list[tuple[str, str, str, bool, bytes, bytes]]:
    """One for each place: of two orders for one place, the later."""
    contents = {_place(order): _encode(order) for order in orders}
    return [(*place, content, _digest(content)) for place, content in contents.items()]


def _place(order: Order) -> tuple[str, str, str, bool]:
    return (order.origin.value, order.scope.kind.value, order.scope.name, order.seq is not None)


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST).digest()
