"""Backoff: how long to leave a thing alone that has just failed."""

from collections.abc import Callable
from typing import Final

_FIRST: Final = 0.05
_MOST_DOUBLINGS: Final = 16


class Backoff:
    """Twice as long each time, from 50 ms up to `most` seconds, half of it by `chance` (from 0 to below 1)."""

    def __init__(self, most: float, chance: Callable[[], float]) -> None:
        self._most = most
        self._chance = chance
        self._failures = 0

    def next(self) -> float:
        """Seconds."""
        longest = min(self._most, _FIRST * (1 << min(self._failures, _MOST_DOUBLINGS)))
        self._failures += 1
        return longest * (1 + self._chance()) / 2

    def reset(self) -> None:
        """It went well."""
        self._failures = 0
