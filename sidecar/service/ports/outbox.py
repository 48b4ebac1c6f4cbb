"""What is owed: on disk, and who is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from sidecar.core.owed import Fate, Kind, Owed


class Slip(msgspec.Struct, frozen=True, gc=False):
    """What is known of an item without reading it. `number` orders all items; `bytes` is what it takes up."""

    number: int
    kind: Kind
    agent: str
    owed_at: float
    bytes: int


@dataclass(frozen=True, slots=True)
class OutboxStatus:
    """What is owed. `oldest` is the age of the oldest item in seconds; `problem` why nothing gets through, or ""."""

    count: int
    bytes: int
    oldest: float
    delivered: int
    dropped: int
    problem: str


class Told(msgspec.Struct, frozen=True):
    """What came of an attempt to tell; `why` is for people, and does not matter where it was delivered."""

    fate: Fate
    why: str = ""


class Recipient(Protocol):
    """Who is told what is owed."""

    async def tell(self, item: Owed, within: float) -> Told:
        """Try once, for so many seconds. Raises nothing."""
        ...


class OutboxStore(Protocol):
    """What is owed to one recipient, on disk. What `put` returned from is there after a crash."""

    async def load(self) -> tuple[Sequence[Slip], int | None]:
        """All that is owed, by number, and the last `through` that was put. Raises StoreError."""
        ...

    async def put(
        self, items: Sequence[tuple[Slip, Owed]], gone: Sequence[int], through: int | None = None
    ) -> None:
        """Add the items, take away what is gone, and keep `through` if given: all or nothing. Raises StoreError."""
        ...

    async def read(self, number: int) -> Owed | None:
        """The item of that number, if it is still there. Raises StoreError."""
        ...

    async def close(self) -> None: ...
