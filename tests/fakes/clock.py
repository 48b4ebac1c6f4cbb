"""A clock that the test turns."""


class TurnedClock:
    """Wall and monotonic time are the same number; `advance` moves both."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self._now = now

    def now(self) -> float:
        return self._now

    def raise_floor(self, seen: float) -> None:
        self._now = max(self._now, seen)

    def monotonic(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += seconds
