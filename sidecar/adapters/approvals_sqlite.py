"""Approvals in SQLite: `approvals.db` in the state folder, WAL, every commit synced.

One thread owns the connection, so the loop never waits for the disk and no two writes interleave.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from sidecar.core.approval import Approval
from sidecar.core.errors import StoreError

T = TypeVar("T")
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
        self._path = state / "approvals.db"
        self._thread = ThreadPoolExecutor(1, "approvals")
        self._connection: sqlite3.Connection | None = None

    async def load(self) -> Sequence[Approval]:
        return await self._run(self._load)

    async def put(self, approval: Approval) -> None:
        await self._run(lambda: self._put(approval))

    async def close(self) -> None:
        await self._run(self._close)
        self._thread.shutdown()

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (sqlite3.Error, OSError, msgspec.MsgspecError) as error:
            raise StoreError(f"{self._path}: {error}") from error

    def _load(self) -> Sequence[Approval]:
        since = time.time() - _KEPT_SECONDS
        query = "SELECT content FROM approvals WHERE is_open OR resolved_at >= ?"
        rows = self._open().execute(query, (since,)).fetchall()
        return [msgspec.json.decode(content, type=Approval) for (content,) in rows]

    def _put(self, approval: Approval) -> None:
        row = (approval.id, approval.is_open, approval.resolved_at, msgspec.json.encode(approval))
        with self._open() as connection:
            connection.execute("INSERT OR REPLACE INTO approvals VALUES (?, ?, ?, ?)", row)

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
