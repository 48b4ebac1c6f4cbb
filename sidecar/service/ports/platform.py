"""The remote service that scores, holds and approves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from sidecar.core.breaker import Phase
from sidecar.core.model import JSON, Caller, Object, Request
from sidecar.core.platform import PlatformApproval, Scored, Unavailable
from sidecar.core.record import Trace


@dataclass(frozen=True, slots=True)
class CallersHeaders:
    """The headers of a request that is passed on; of these, what tells the platform who asks goes with it."""

    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class PlatformCall:
    """`path` as it stands in the URL, from `/`. `sender`: None is the daemon itself, with its own key.

    A call of the daemon's that is not a GET is repeated only if it has a `correlation_id`: give one where a second
    arrival does no harm. `via` is that header of the request that this call is made for. What is said
    `in_background` has a breaker of its own: its failures keep no decision from asking. So has what is a watch over
    the kill switch: the failures of nothing else keep it from asking, nor its own for longer than one call.
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
    is_watch: bool = False


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
