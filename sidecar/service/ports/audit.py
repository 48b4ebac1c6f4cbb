"""The decision log, as the services need it."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from sidecar.core.model import Code, Object


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """A durable entry: its sequence number (from 0) and the hex SHA-256 of its line without the newline."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class LogStatus:
    """How the decision log fares. `lag` is seconds since the oldest append that is not yet durable, else 0."""

    writable: bool
    reason: str
    size: int
    bytes: int
    lag: float
    checkpoint_size: int


class DecisionLog(Protocol):
    """The append-only log. What `append` returned is on disk."""

    def append(self, body: bytes, within: float) -> Awaitable[Receipt]:
        """Number and chain one JSON object at once; what is awaited is that it is on disk.

        Awaiting raises AuditError when it is not durable `within` seconds; a record that lands later is voided
        by the log itself.
        """
        ...

    def unrecorded(self, code: Code, now: float) -> None:
        """Count an answer that left without a record; the next record tells of it."""
        ...

    async def read(self, seq: int) -> Object | None:
        """The record of that number, or None if it was never written or is no longer kept."""
        ...

    async def newest(self, limit: int) -> Sequence[Object]:
        """The last `limit` records, newest first."""
        ...

    def status(self) -> LogStatus: ...

    def warnings(self) -> Sequence[str]:
        """What does not keep records from being written, and should be seen to: a damaged past, a lost witness."""
        ...
