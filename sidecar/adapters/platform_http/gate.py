"""The gate that calls go through: how many are at work, and the breaker as it stands."""

from collections.abc import Callable
from typing import Final

from sidecar.core.breaker import Breaker, Limits, Outcome, Phase, ask, report
from sidecar.core.platform import Reason, Unavailable
from sidecar.service.ports import PlatformReply

_MOST_AT_WORK: Final = 256
_LIMITS: Final = Limits()
# What says nothing of the platform, because it was never asked.
_NEVER_ASKED: Final = frozenset({Reason.NO_KEY, Reason.UNSENDABLE, Reason.OVERLOADED})


class Gate:
    """`monotonic` gives seconds."""

    def __init__(self, monotonic: Callable[[], float], limits: Limits = _LIMITS) -> None:
        self._monotonic = monotonic
        self._limits = limits
        self._breaker = Breaker()
        self._at_work = 0

    @property
    def phase(self) -> Phase:
        return self._breaker.phase

    def enter(self) -> int | Unavailable:
        """A ticket for `leave`, or why nothing may be asked now."""
        if self._at_work >= _MOST_AT_WORK:
            return Unavailable(Reason.OVERLOADED, detail="too many calls are at work")
        self._breaker, ticket = ask(self._breaker, self._monotonic(), self._limits)
        if ticket is None:
            return Unavailable(Reason.CIRCUIT_OPEN)
        self._at_work += 1
        return ticket

    def leave(self, ticket: int, told: PlatformReply | Unavailable | None) -> None:
        """What the call was told; None where it was given up."""
        self._at_work -= 1
        now = self._monotonic()
        self._breaker = report(self._breaker, ticket, _outcome(told), now, self._limits)


def _outcome(told: PlatformReply | Unavailable | None) -> Outcome:
    if told is None or (isinstance(told, Unavailable) and told.reason in _NEVER_ASKED):
        return Outcome.NOTHING
    if isinstance(told, PlatformReply) or told.reason is Reason.UNAUTHORIZED:
        return Outcome.SUCCESS
    return Outcome.FAILURE
