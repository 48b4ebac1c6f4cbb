"""The kill switch's orders in SQLite: `halts.db` in the state folder.

Each row bears a digest of its content, because SQLite notices torn pages, but not altered bytes within a value.
"""

import hashlib
import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from sidecar.adapters.sqlite.database import Database
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
_decoder: Final = msgspec.json.Decoder(Order)
_ack_decoder: Final = msgspec.json.Decoder(Ack)
_encode: Final = msgspec.json.Encoder().encode


class HaltsSqlite:
    """The HaltStore of a state folder."""

    def __init__(self, state: Path) -> None:
        self._path = state / "halts.db"
        self._database = Database(self._path, _SCHEMA)

    async def load(self) -> KeptHalts | None:
        is_new = not self._path.exists()
        if is_new and not self._set_aside():
            return None
        try:
            kept = await self._database.run(_load)
        except StoreError as error:
            raise self._as_damage(error) from error
        # A database that was set aside left one in its place; without it, the end of that is not known.
        return KeptHalts(is_damaged=True) if is_new else kept

    async def put(self, change: HaltChange) -> None:
        await self._database.run(lambda connection: _put(connection, change))

    async def quarantine(self) -> str:
        await self._database.close_connection()
        aside = self._path.with_name(f"halts.db.damaged-{time.time_ns()}")
        try:
            self._path.rename(aside)
            for suffix in ("-wal", "-shm"):
                with suppress(FileNotFoundError):
                    self._path.with_name(self._path.name + suffix).rename(f"{aside}{suffix}")
        except OSError as error:
            raise StoreError(f"{self._path} is damaged and cannot be put aside: {error.strerror}") from error
        await self.put(HaltChange(is_damaged=True))
        return str(aside)

    async def close(self) -> None:
        await self._database.close()

    def _set_aside(self) -> bool:
        return any(self._path.parent.glob("halts.db.damaged-*"))

    @staticmethod
    def _as_damage(error: StoreError) -> StoreError:
        """A file that cannot be opened or read is not one that was read and makes no sense."""
        cause = error.__cause__
        if isinstance(cause, OSError | sqlite3.OperationalError):
            return error
        return DamagedStore(str(error))


def _load(connection: sqlite3.Connection) -> KeptHalts:
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(str(verdict))
    rows = connection.execute("SELECT content, digest FROM orders")
    orders = [_order(content, digest) for content, digest in rows]
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


def _order(content: bytes, digest: bytes) -> Order:
    if _digest(content) != digest:
        raise sqlite3.DatabaseError("an order is not what was kept")
    return _decoder.decode(content)


def _put(connection: sqlite3.Connection, change: HaltChange) -> None:
    with connection:
        connection.executemany(
            "INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?, ?, ?)", _rows(change.orders)
        )
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
    rows = []
    for order in orders:
        content = _encode(order)
        place = (order.origin.value, order.scope.kind.value, order.scope.name, order.seq is not None)
        rows.append((*place, content, _digest(content)))
    return rows


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST).digest()
