"""The clock of the machine, which never tells a time before the newest one on record."""

import time
from functools import partial
from typing import Final

# Time goes on while a machine is suspended, and what was seen before is old afterwards. Where there is no such clock,
# as on macOS, the monotonic one counts that time too.
_STEADY: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


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

    monotonic = staticmethod(partial(time.clock_gettime, _STEADY))
