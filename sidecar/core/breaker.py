"""Circuit breaker: a failing service is left alone, and asked by one call at a time whether it is back.

Closed, every call goes through; five failures in a row open it. Open, none does, for thirty seconds. Then it is half
open: one call is the probe. Its success closes the breaker, its failure opens it again; a probe that learnt nothing
makes room for the next one. A probe that is not reported on within its patience counts as a failure.

Every call that goes through holds a ticket. What is reported on a ticket of an earlier phase changes nothing: a call
that left before the breaker opened can neither close it nor end the probe of another.

Times are seconds of any clock. A clock that was set back makes what waits start to wait anew, and opens nothing.
"""

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final


class Phase(Enum):
    """Whether calls go through: all, none, or the one probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Outcome(Enum):
    """What a call tells of the service. NOTHING: it was given up before it could tell."""

    SUCCESS = "success"
    FAILURE = "failure"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Limits:
    """`failures` in a row open; `rest` and `patience` (with a probe) are in seconds."""

    failures: int = 5
    rest: float = 30.0
    patience: float = 10.0


@dataclass(frozen=True, slots=True)
class Breaker:
    """`since`: when it opened, or when the probe left. `ticket`: that of the calls that may be reported on."""

    phase: Phase = Phase.CLOSED
    failures: int = 0
    since: float = 0.0
    ticket: int = 0


_LIMITS: Final = Limits()


def ask(breaker: Breaker, now: float, limits: Limits = _LIMITS) -> tuple[Breaker, int | None]:
    """The breaker once a call asked to go through, and the ticket of the call; None if it may not go."""
    if breaker.phase is Phase.CLOSED:
        return breaker, breaker.ticket
    breaker = _timed(breaker, now, limits)
    if breaker.phase is Phase.OPEN and now - breaker.since >= limits.rest:
        probing = Breaker(Phase.HALF_OPEN, breaker.failures, now, breaker.ticket + 1)
        return probing, probing.ticket
    return breaker, None


def report(breaker: Breaker, ticket: int, outcome: Outcome, now: float, limits: Limits = _LIMITS) -> Breaker:
    """The breaker once the call with this ticket told what it learnt."""
    breaker = _timed(breaker, now, limits)
    if ticket != breaker.ticket or breaker.phase is Phase.OPEN:
        return breaker
    if breaker.phase is Phase.HALF_OPEN:
        return _probed(breaker, outcome, now, limits)
    if outcome is Outcome.FAILURE:
        failures = breaker.failures + 1
        return _opened(breaker, now) if failures >= limits.failures else replace(breaker, failures=failures)
    return replace(breaker, failures=0) if outcome is Outcome.SUCCESS else breaker


def _probed(breaker: Breaker, outcome: Outcome, now: float, limits: Limits) -> Breaker:
    if outcome is Outcome.SUCCESS:
        return Breaker(ticket=breaker.ticket + 1)
    # One that learnt nothing has not used up the rest that was taken before it.
    return _opened(breaker, now if outcome is Outcome.FAILURE else now - limits.rest)


def _timed(breaker: Breaker, now: float, limits: Limits) -> Breaker:
    """With the probe given up when its patience is over, and with no time that is yet to come."""
    if breaker.phase is Phase.CLOSED:
        return breaker
    if now < breaker.since:
        return replace(breaker, since=now)
    if breaker.phase is Phase.HALF_OPEN and now - breaker.since >= limits.patience:
        return _opened(breaker, now)
    return breaker


def _opened(breaker: Breaker, now: float) -> Breaker:
    return Breaker(Phase.OPEN, breaker.failures, now, breaker.ticket + 1)
