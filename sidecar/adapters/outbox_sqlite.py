"""The outbox in SQLite: `outbox.db` in the state folder, WAL, every commit synced.

One thread owns the connection, so the loop never waits for the disk and no two writes interleave.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from sidecar.core.errors import StoreError
from sidecar.core.owed import Kind, Owed
from sidecar.service.ports import Slip

T = TypeVar("T")
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS owed (
  number INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  agent TEXT NOT NULL,
  owed_at REAL NOT NULL,
  bytes INTEGER NOT NULL,
  content BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS reported (one INTEGER PRIMARY KEY CHECK (one = 1), through INTEGER NOT NULL) STRICT;
"""


class OutboxSqlite:
    """The OutboxStore of a state folder."""

    def __init__(self, state: Path) -> None:
        self._path = state / "outbox.db"
        self._thread = ThreadPoolExecutor(1, "outbox")
        self._connection: sqlite3.Connection | None = None

    async def load(self) -> tuple[Sequence[Slip], int | None]:
        return await self._run(self._load)

    async def put(
        self, items: Sequence[tuple[Slip, Owed]], gone: Sequence[int], through: int | None = None
    ) -> None:
        await self._run(lambda: self._put(items, gone, through))

    async def read(self, number: int) -> Owed | None:
        return await self._run(lambda: self._read(number))

    async def close(self) -> None:
        await self._run(self._close)
        self._thread.shutdown()

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (sqlite3.Error, OSError, msgspec.MsgspecError, ValueError) as error:
            raise StoreError(f"{self._path}: {error}") from error

    def _load(self) -> tuple[Sequence[Slip], int | None]:
        rows = self._open().execute("SELECT number, kind, agent, owed_at, bytes FROM owed ORDER BY number")
        slips = [Slip(number, Kind(kind), *rest) for number, kind, *rest in rows]
        through = self._open().execute("SELECT through FROM reported").fetchone()
        return slips, through[0] if through else None

    def _put(self, items: Sequence[tuple[Slip, Owed]], gone: Sequence[int], through: int | None) -> None:
        rows = [(*msgspec.structs.astuple(slip), msgspec.json.encode(item)) for slip, item in items]
        with self._open() as connection:
            connection.executemany("DELETE FROM owed WHERE number = ?", [(number,) for number in gone])
            connection.executemany("INSERT INTO owed VALUES (?, ?, ?, ?, ?, ?)", rows)
            if through is not None:
                connection.execute("INSERT OR REPLACE INTO reported VALUES (1, ?)", (through,))

    def _read(self, number: int) -> Owed | None:
        query = "SELECT content FROM owed WHERE number = ?"
        row = self._open().execute(query, (number,)).fetchone()
        return msgspec.json.decode(row[0], type=Owed) if row else None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.touch(0o600)
            connection = sqlite3.connect(self._path)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.executescript(_SCHEMA)
            self._connection = connection
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
