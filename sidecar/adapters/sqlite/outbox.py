"""Outboxes in SQLite, in the state folder: `outbox.db` for the platform, and others for others."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from sidecar.adapters.sqlite.database import Database
from sidecar.core.owed import Kind, Owed
from sidecar.service.ports import Slip

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
    """An OutboxStore of a state folder; `name` is that of its file."""

    def __init__(self, state: Path, name: str = "outbox.db") -> None:
        self._database = Database(state / name, _SCHEMA)

    async def load(self) -> tuple[Sequence[Slip], int | None]:
        return await self._database.run(_load)

    async def put(
        self, items: Sequence[tuple[Slip, Owed]], gone: Sequence[int], through: int | None = None
    ) -> None:
        await self._database.run(lambda connection: _put(connection, items, gone, through))

    async def read(self, number: int) -> Owed | None:
        return await self._database.run(lambda connection: _read(connection, number))

    async def close(self) -> None:
        await self._database.close()


def _load(connection: sqlite3.Connection) -> tuple[Sequence[Slip], int | None]:
    rows = connection.execute("SELECT number, kind, agent, owed_at, bytes FROM owed ORDER BY number")
    slips = [Slip(number, Kind(kind), *rest) for number, kind, *rest in rows]
    through = connection.execute("SELECT through FROM reported").fetchone()
    return slips, through[0] if through else None


def _put(
    connection: sqlite3.Connection,
    items: Sequence[tuple[Slip, Owed]],
    gone: Sequence[int],
    through: int | None,
) -> None:
    rows = [(*msgspec.structs.astuple(slip), msgspec.json.encode(item)) for slip, item in items]
    with connection:
        connection.executemany("DELETE FROM owed WHERE number = ?", [(number,) for number in gone])
        connection.executemany("INSERT INTO owed VALUES (?, ?, ?, ?, ?, ?)", rows)
        if through is not None:
            connection.execute("INSERT OR REPLACE INTO reported VALUES (1, ?)", (through,))


def _read(connection: sqlite3.Connection, number: int) -> Owed | None:
    query = "SELECT content FROM owed WHERE number = ?"
    row = connection.execute(query, (number,)).fetchone()
    return msgspec.json.decode(row[0], type=Owed) if row else None
