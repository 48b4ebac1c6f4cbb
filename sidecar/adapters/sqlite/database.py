"""A database with one thread that owns its connection: WAL, every commit synced, readable by its owner alone.

So the loop never waits for the disk and no two writes interleave.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import msgspec

from sidecar.core.errors import StoreError

T = TypeVar("T")


class Database:
    """Opened by the first work that is given to it. `schema` is a script that may run again."""

    def __init__(self, path: Path, schema: str) -> None:
        self._path = path
        self._schema = schema
        self._thread = ThreadPoolExecutor(1, path.stem)
        self._connection: sqlite3.Connection | None = None

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What the work returns; commits are its own to make. Raises StoreError."""
        return await self._on_thread(lambda: work(self._open()))

    async def close_connection(self) -> None:
        """Let the file go; the next work opens it anew. Raises StoreError."""
        await self._on_thread(self._close)

    async def close(self) -> None:
        """Raises StoreError."""
        await self._on_thread(self._close)
        self._thread.shutdown()

    async def _on_thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (sqlite3.Error, OSError, msgspec.MsgspecError, ValueError) as error:
            raise StoreError(f"{self._path}: {error}") from error

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.touch(0o600)
            connection = sqlite3.connect(self._path)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.executescript(self._schema)
            self._connection = connection
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
