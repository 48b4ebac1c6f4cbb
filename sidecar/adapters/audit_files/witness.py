"""Witnesses: those who hold copies of checkpoints elsewhere. Only such a copy shows that the log's end was cut."""

import asyncio
from pathlib import Path
from typing import Protocol

from sidecar.adapters.audit_files.writer_process import put, sync_dir
from sidecar.core.checkpoint import verify_checkpoint
from sidecar.core.errors import AuditError
from sidecar.core.note import NoteError, VerifierKey


class Witness(Protocol):
    """Takes checkpoints; how it keeps them is its business."""

    async def publish(self, note: bytes) -> None:
        """Raises AuditError or OSError when it does not have the checkpoint now."""


class FileWitness:
    """The newest checkpoint as a file, best on a disk that this host cannot rewrite.

    It does not take one that contradicts what it has: that is how a log with a cut end is told at once.
    """

    def __init__(self, path: Path, key: VerifierKey) -> None:
        self._path = path
        self._key = key

    async def publish(self, note: bytes) -> None:
        """In a thread: the disk elsewhere may be slow, or gone."""
        await asyncio.to_thread(self._publish, note)

    def _publish(self, note: bytes) -> None:
        if self._path.exists():
            self._compare(note)
        put(str(self._path.resolve()), note)
        sync_dir(str(self._path.resolve().parent))

    def _compare(self, note: bytes) -> None:
        try:
            held, new = (verify_checkpoint(raw, self._key) for raw in (self._path.read_bytes(), note))
        except NoteError as error:
            raise AuditError(f"{self._path} holds no checkpoint of this log: {error}") from error
        if held.size > new.size or (held.size == new.size and held.root != new.root):
            raise AuditError(
                f"{self._path} holds a checkpoint of {held.size} records that this log does not have"
            )
