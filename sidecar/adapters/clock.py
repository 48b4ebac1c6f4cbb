"""The clock of the machine, which never tells a time before the newest one on record."""

import time
from collections.abc import Callable
from functools import partial
from typing import Final

# Time goes on while a machine is suspended, and what was seen before is old afterwards. Where there is no such clock,
# as on macOS, the monotonic one counts that time too.
_STEADY: Final = partial(time.clock_gettime, getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
# Slower than time, so that the machine catches up; but it goes on, or what ends in time would not end.
_PACE: Final = 0.5


class SystemClock:
    """Wall time with a floor. Behind a clock that was set back it goes on at half the pace, until they meet.

    `wall` gives epoch seconds, `steady` seconds that nothing sets back.
    """

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = _STEADY) -> None:
        self._wall = wall
        self.monotonic = steady
        self._floor = 0.0
        self._paced = 0.0, 0.0

    def now(self) -> float:
        now = self._wall()
        if now < self._floor:
            return self._go_on()
        self._floor = now
        return now

    def raise_floor(self, seen: float) -> None:
        """Take note of a time that a record or a signed document carries."""
        self._floor = max(self._floor, seen)

    def _go_on(self) -> float:
        floor, at = self._paced
        steady = self.monotonic()
        if floor == self._floor:  # else the floor comes from elsewhere, and the pace begins there
            self._floor += max(0.0, steady - at) * _PACE
        self._paced = self._floor, steady
        return self._floor
