"""Pace: when to look at a source again, so that many hosts spread out, and a failing source gets air."""

from collections.abc import Callable
from typing import Final

_FIRST_RETRY: Final = 1.0
_MOST_DOUBLINGS: Final = 16
_SPREAD: Final = 0.1
_HELD: Final = 0.5
_SOON: Final = 1.0


class Pace:
    """`poll` seconds between two looks; `wait` seconds that a source may hold its answer back.

    `chance` gives a number from 0 to below 1, anew at each call.
    """

    def __init__(self, poll: float, wait: float, chance: Callable[[], float]) -> None:
        self.wait = wait
        self._poll = poll
        self._chance = chance
        self._failures = 0
        self._holds = True

    def first(self, *, has_bundle: bool) -> float:
        """Seconds to the first look: at once without a bundle; with one, hosts that start together spread out."""
        return self._chance() * self._poll * _SPREAD if has_bundle else 0.0

    def next(self, took: float, *, is_news: bool) -> float:
        """Seconds to the next look, after one that went well and took so long.

        Whether a source holds its answer back shows when it has no news: one that does is asked again soon, all
        others after `poll`.
        """
        self._failures = 0
        if not is_news and took < self.wait * _HELD:
            self._holds = False
        elif not is_news:
            self._holds = True
        if self.wait and self._holds:
            return _SOON * (1 + self._chance()) / 2
        return max(0.0, self._poll * (1 - _SPREAD + 2 * _SPREAD * self._chance()) - took)

    def retry(self, failure: Exception) -> float:
        """Seconds to the next look after one that failed: twice as long each time up to `poll`, half of it by chance.

        Never less than the source asks for (`retry_after` of the failure).
        """
        backoff = min(self._poll, _FIRST_RETRY * 2 ** min(self._failures, _MOST_DOUBLINGS))
        self._failures += 1
        asked = getattr(failure, "retry_after", None) or 0.0
        return float(max(backoff * (0.5 + self._chance() / 2), asked * (1 + self._chance() * _SPREAD)))
