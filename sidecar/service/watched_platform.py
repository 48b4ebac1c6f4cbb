"""The platform as it is watched: every call of the port is counted and timed, and its last answer remembered."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from sidecar.core.breaker import Phase
from sidecar.core.model import Caller, Code, Decision, Request
from sidecar.core.platform import PlatformApproval, Scored, Unavailable
from sidecar.core.record import Trace
from sidecar.service.ports import Clock, Metrics, Platform, PlatformCall, PlatformReply

T = TypeVar("T")
_ANSWERED: Final = "answered"


@dataclass(frozen=True, slots=True)
class PlatformStatus:
    """`answered_ago` is in seconds, None before the first answer; `silence` why the newest call had none, else "".

    `proceeded` counts the actions that went ahead ungoverned, because the policy lets them during an outage.
    """

    host: str
    phase: Phase
    answered_ago: float | None
    silence: str
    proceeded: int


class WatchedPlatform:
    """The port Platform around another one. What callers pass on says nothing of how the daemon fares there."""

    def __init__(self, platform: Platform, clock: Clock, metrics: Metrics) -> None:
        self.name = platform.name
        self._platform = platform
        self._clock = clock
        self._metrics = metrics
        self._answered_at: float | None = None
        self._silence = ""
        self._proceeded = 0

    @property
    def phase(self) -> Phase:
        return self._platform.phase

    def status_now(self) -> PlatformStatus:
        at = self._answered_at
        ago = None if at is None else self._clock.monotonic() - at
        return PlatformStatus(self.name, self.phase, ago, self._silence, self._proceeded)

    def saw(self, decision: Decision) -> None:
        """Take note of a decision that was given."""
        if decision.code is Code.PLATFORM_OPEN:
            self._proceeded += 1

    def saw_answer(self, _asked: object, decision: Decision, _seq: int) -> None:
        """The same, as deciders tell of their answers."""
        self.saw(decision)

    def loops_back(self, headers: Mapping[str, str]) -> bool:
        return self._platform.loops_back(headers)

    async def score(
        self, request: Request, caller: Caller, trace: Trace, within: float, via: str = ""
    ) -> Scored | Unavailable:
        return await self._timed("score", self._platform.score(request, caller, trace, within, via))

    async def status(self, action_id: str, within: float) -> Scored | Unavailable:
        return await self._timed("status", self._platform.status(action_id, within))

    async def approval(self, approval_request_id: str, within: float) -> PlatformApproval | Unavailable:
        return await self._timed("approval", self._platform.approval(approval_request_id, within))

    async def send(self, call: PlatformCall, within: float) -> PlatformReply | Unavailable:
        name = "own" if call.sender is None else "passed_on"
        return await self._timed(name, self._platform.send(call, within), is_own=call.sender is None)

    async def close(self) -> None:
        await self._platform.close()

    async def _timed(
        self, call: str, asking: Awaitable[T | Unavailable], *, is_own: bool = True
    ) -> T | Unavailable:
        started = self._clock.monotonic()
        told = await asking
        ended = self._clock.monotonic()
        outcome = told.reason.value if isinstance(told, Unavailable) else _ANSWERED
        self._metrics.platform_asked(call, outcome, ended - started)
        if is_own:
            self._silence = outcome if isinstance(told, Unavailable) else ""
            self._answered_at = self._answered_at if isinstance(told, Unavailable) else ended
        return told
