"""What the services need of the world, written by its users. Adapters and test fakes implement these."""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from sidecar.core.approval import Approval
from sidecar.core.breaker import Phase
from sidecar.core.bundle import Bundle, Floor
from sidecar.core.model import JSON, Caller, Code, Decision, Door, Object, Request, Verdict
from sidecar.core.owed import Kind, Owed
from sidecar.core.platform import PlatformApproval, Scored, Unavailable
from sidecar.core.record import Trace


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


class Clock(Protocol):
    """Wall time in epoch seconds, never earlier than the newest time already on record."""

    def now(self) -> float: ...

    def raise_floor(self, seen: float) -> None:
        """Take note of a time, in epoch seconds, that a record or a signed document carries."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, for measuring durations."""
        ...


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


class ApprovalStore(Protocol):
    """Approvals on disk. What `put` returned from is there after a crash."""

    async def load(self) -> Sequence[Approval]:
        """Those that are open, and those that were resolved within the last hour. Raises StoreError."""
        ...

    async def put(self, approval: Approval) -> None:
        """Insert it, or replace the one of its id. Raises StoreError."""
        ...

    async def close(self) -> None: ...


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


class OutboxStore(Protocol):
    """What is owed to the platform, on disk. What `put` returned from is there after a crash."""

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


class Metrics(Protocol):
    """Counters. A leaf: needs nothing, returns nothing."""

    def decided(self, decision: Decision, door: Door, seconds: float) -> None: ...

    def unrecorded(self, code: Code, door: Door) -> None: ...

    def bundle_activated(self, bundle: Bundle, now: float) -> None: ...

    def bundle_checked(self, now: float) -> None: ...

    def bundle_refused(self, kind: str) -> None: ...

    def bundle_unstored(self) -> None: ...

    def shadowed(self, given: Verdict, candidate: Verdict) -> None:
        """A candidate was compared with an answer that was given."""
        ...

    def shadow_dropped(self) -> None: ...

    def owed_delivered(self, kind: Kind) -> None: ...

    def owed_dropped(self, kind: Kind, why: str) -> None:
        """`why`: refused by the platform, for want of room, or too old."""
        ...

    def platform_asked(self, call: str, outcome: str, seconds: float) -> None:
        """A call to the platform ended: `answered`, or why there is no answer."""
        ...


@dataclass(frozen=True, slots=True)
class CallersHeaders:
    """The headers of a request that is passed on; of these, what tells the platform who asks goes with it."""

    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class PlatformCall:
    """`path` as it stands in the URL, from `/`. `sender`: None is the daemon itself, with its own key.

    A call of the daemon's that is not a GET is repeated only if it has a `correlation_id`: give one where a second
    arrival does no harm. `via` is that header of the request that this call is made for. What is said
    `in_background` has a breaker of its own: its failures keep no decision from asking.
    """

    method: str
    path: str
    body: Object | None = None
    query: tuple[tuple[str, str], ...] = ()
    correlation_id: str = ""
    traceparent: str = ""
    via: str = ""
    sender: CallersHeaders | None = None
    in_background: bool = False


@dataclass(frozen=True, slots=True)
class PlatformReply:
    """Any answer but a redirect, 429 and 5xx; to the daemon's own key never 401. An empty `body` is None."""

    status: int
    body: JSON


class Platform(Protocol):
    """The remote service that scores, holds and approves. Nothing here raises but on cancellation.

    `within`: seconds that the caller waits; the port's own timeout holds where it is shorter. `name` is for people:
    the host, without a key.
    """

    name: str

    @property
    def phase(self) -> Phase:
        """Whether the daemon's own calls go through."""
        ...

    def loops_back(self, headers: Mapping[str, str]) -> bool:
        """Whether a request that came in with these headers is one that this daemon sent."""
        ...

    async def score(
        self, request: Request, caller: Caller, trace: Trace, within: float, via: str = ""
    ) -> Scored | Unavailable:
        """Submit the request. The same request of the same caller under one correlation id is one action there."""
        ...

    async def status(self, action_id: str, within: float) -> Scored | Unavailable:
        """Where an action that was submitted stands now."""
        ...

    async def approval(self, approval_request_id: str, within: float) -> PlatformApproval | Unavailable: ...

    async def send(self, call: PlatformCall, within: float) -> PlatformReply | Unavailable:
        """Anything else: completions, heartbeats, what callers have passed on."""
        ...

    async def close(self) -> None:
        """Let connections go, and give up what is under way."""
        ...
