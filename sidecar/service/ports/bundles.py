"""Where bundles come from, and where they are kept between two runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from sidecar.core.bundle import Floor

# What a source gives: the bytes of a signed envelope, or the files of a trusted folder by their names in it.
Content = bytes | Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Fetched:
    """`tag` is the source's own mark of this content (an ETag, a digest); nothing but the source reads it."""

    content: Content
    tag: str


class BundleSource(Protocol):
    """Where bundles come from. `name` is for people: without user, password, token or query."""

    name: str

    async def fetch(self, tag: str | None, wait: float) -> Fetched | None:
        """What the source has; None if that is still what it gave under `tag`. Nothing here is verified yet.

        `wait`: seconds that the source may hold the answer back until there is something new; 0 is at once. One
        that cannot wait answers at once.
        Raises SourceUnavailable, SourceRefused, SourceTimeout, UnaskedNotModified, BundleTooLarge,
        BundleTruncated, NotABundle, and MalformedBundle for a folder that holds no policies.
        """
        ...

    async def close(self) -> None:
        """Let connections go."""
        ...


@dataclass(frozen=True, slots=True)
class Kept:
    """What the last run left: the exact signed bytes, and when it looked and changed, in epoch seconds; 0 unknown."""

    raw: bytes
    checked_at: float = 0.0
    changed_at: float = 0.0


class BundleStore(Protocol):
    """The disk between two runs. Each call is whole or not at all, whenever the process is killed; all block."""

    def load(self) -> Kept | None:
        """What was saved last, not verified. Raises StoreError when it cannot be read."""
        ...

    def save(self, raw: bytes) -> None:
        """Raises StoreError."""
        ...

    def note(self, checked_at: float, changed_at: float) -> None:
        """Raises StoreError."""
        ...

    def quarantine(self) -> None:
        """Put the saved bytes aside for people to look at; `load` then gives nothing."""
        ...

    def floor(self, name: str) -> Floor:
        """The floor of the bundles called `name`. Raises StoreError when what is stored cannot be read."""
        ...

    def set_floor(self, name: str, floor: Floor) -> None:
        """Raises StoreError."""
        ...
