"""The clock of the machine, which never tells a time before the newest one on record."""

import time


class SystemClock:
    """Wall time with a floor. A clock set back stands still until the time on record is reached again."""

    def __init__(self, floor: float = 0.0) -> None:
        self._floor = floor

    def now(self) -> float:
        now = time.time()
        if now < self._floor:
            return self._floor
        self._floor = now
        return now

    def raise_floor(self, seen: float) -> None:
        """Take note of a time that a record or a signed document carries."""
        self._floor = max(self._floor, seen)

    monotonic = staticmethod(time.perf_counter)
