"""What the kill switch needs of the world: its orders, the state they add up to, and a disk."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import msgspec

from sidecar.core.killswitch import Order
from sidecar.core.killswitch.ack import Ack
from sidecar.core.killswitch.book import Epoch, State


class Message(msgspec.Struct, frozen=True, gc=False):
    """One message of the queue, not verified. `handle` deletes it; `number` is how often it was received."""

    id: str
    body: str
    handle: str
    number: int = 1


class FeedTrouble(StrEnum):
    """Why orders cannot be received: the words that FeedError bears."""

    UNREACHABLE = "unreachable"  # no connection, or one that ended before the answer
    TIMEOUT = "timeout"  # connected, and no answer in time
    GARBAGE = "garbage"  # an answer that is none of the queue's
    DENIED = "denied"  # known, and not allowed
    CREDENTIALS = "credentials"  # there are none, or those that there are do not count any more
    CLOCK = "clock"  # the request was signed for another time than the queue's
    NO_QUEUE = "no_queue"  # the queue is not there
    THROTTLED = "throttled"
    FAILING = "failing"  # the queue says that it is itself at fault
    REFUSED = "refused"  # any other refusal
    UNDELETED = "undeleted"  # some of the messages could not be deleted


class OrderFeed(Protocol):
    """The queue that orders come by. `name` is for people: without keys.

    At most one `receive` and one `delete` at a time; cancelling one lets its connection go.
    """

    name: str

    async def receive(self, wait: float) -> Sequence[Message]:
        """At most ten messages, as soon as there is one, and none after `wait` seconds. Raises FeedError.

        What is received is not hidden from the next call: it comes again until it is deleted.
        """
        ...

    async def delete(self, handles: Sequence[str]) -> None:
        """Raises FeedError if any of at most ten could not be deleted."""
        ...

    async def close(self) -> None: ...


class Certificates(Protocol):
    """The certificates that SNS signs with."""

    async def get(self, url: str) -> bytes | None:
        """PEM. None if it cannot be had now; empty if SNS itself says that it has none of that name.

        The address was found to be one of SNS itself. Cancelling it leaves the fetch going for the next who asks.
        """
        ...


class Sentinel(msgspec.Struct, frozen=True):
    """The sentinel file as it was found. `raw` is None where it is there, or may be, and cannot be read: `why`.

    At most one byte more than it may have. `owner` is the uid that it belongs to.
    """

    raw: bytes | None
    why: str = ""
    owner: int | None = None


class HaltFile(Protocol):
    """The sentinel file in the state folder. `name` is its path."""

    name: str

    def look(self) -> Sentinel | None:
        """None if it is not there. May block for as long as the disk does; raises nothing."""
        ...


class Signalled(msgspec.Struct, frozen=True):
    """A signal that was sent to this process, and by whom."""

    name: str
    halts: bool
    uid: int
    pid: int


class HaltSignals(Protocol):
    """The two signals by which a process halts everything, and ends that."""

    def pending(self) -> Sequence[Signalled]:
        """Those that came since the last call, each once, those that halt last."""
        ...


@dataclass(frozen=True, slots=True)
class KeptHalts:
    """What the last run left. `seen` are the identities of the newest orders, oldest first.

    `acks` are acknowledgements that are not owed to anybody yet, `acknowledged` the ids of those that are.
    """

    orders: Sequence[Order] = ()
    seen: Sequence[str] = ()
    epoch: Epoch = field(default_factory=Epoch)
    is_damaged: bool = False
    acks: Sequence[Ack] = ()
    acknowledged: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class HaltChange:
    """What is to be kept from now on: orders in the place of those of the same scope, origin and kind of number.

    None changes nothing. Of `acks` those replace others of their ids that are not in `acknowledged` by then.
    """

    orders: Sequence[Order] = ()
    seen: Sequence[str] = ()
    epoch: Epoch | None = None
    is_damaged: bool | None = None
    acks: Sequence[Ack] = ()
    acknowledged: Sequence[str] = ()


class Reading(msgspec.Struct, frozen=True):
    """What an authority says, and of which epoch it is where it counts them."""

    state: State
    epoch: Epoch | None = None


class StateSource(Protocol):
    """The authority on what is halted. `name` is for people: without keys and queries. One call at a time."""

    name: str

    async def read(self, newest: Epoch) -> Reading | None:
        """What is in force; None if that is what the last reading said. `newest` is what was believed last.

        Raises FeedError when it cannot be read, and KillSwitchError when what was read is not believed.
        """
        ...

    async def close(self) -> None: ...


class HaltStore(Protocol):
    """The orders on disk. What `put` returned from is there after a crash."""

    async def load(self) -> KeptHalts | None:
        """None where nothing was ever kept. Raises DamagedStore for what cannot be believed, and StoreError."""
        ...

    async def put(self, change: HaltChange) -> None:
        """All of it or nothing. Raises StoreError."""
        ...

    async def quarantine(self) -> str:
        """Put what is there aside for people to look at, and begin anew as damaged; where it is now.

        Raises StoreError.
        """
        ...

    async def close(self) -> None: ...
