"""Approvals in SQLite: `approvals.db` in the state folder."""

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from sidecar.adapters.sqlite.database import Database
from sidecar.core.approval import Approval

_KEPT_SECONDS: Final = 3600.0
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS approvals (
  id TEXT PRIMARY KEY,
  is_open INTEGER NOT NULL,
  resolved_at REAL NOT NULL,
  content BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS recent ON approvals (is_open, resolved_at);
"""


class ApprovalsSqlite:
    """The ApprovalStore of a state folder."""

    def __init__(self, state: Path) -> None:
        self._database = Database(state / "approvals.db", _SCHEMA)

    async def load(self) -> Sequence[Approval]:
        return await self._database.run(_load)

    async def put(self, approvals: Sequence[Approval]) -> None:
        await self._database.run(lambda connection: _put(connection, approvals))

    async def close(self) -> None:
        await self._database.close()


def _load(connection: sqlite3.Connection) -> Sequence[Approval]:
    since = time.time() - _KEPT_SECONDS
    query = "SELECT content FROM approvals WHERE is_open OR resolved_at >= ?"
    rows = connection.execute(query, (since,)).fetchall()
    return [msgspec.json.decode(content, type=Approval) for (content,) in rows]


def _put(connection: sqlite3.Connection, approvals: Sequence[Approval]) -> None:
    rows = [(one.id, one.is_open, one.resolved_at, msgspec.json.encode(one)) for one in approvals]
    with connection:
        connection.executemany("INSERT OR REPLACE INTO approvals VALUES (?, ?, ?, ?)", rows)
