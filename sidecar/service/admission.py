"""Admission: how many requests may be at work, in all and for one caller."""

from sidecar.core.errors import Overloaded


class Admission:
    """At most `limit` in flight, a quarter of them for one caller."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._share = max(1, limit // 4)
        self._total = 0
        self._by_caller: dict[str, int] = {}

    @property
    def in_flight(self) -> int:
        return self._total

    def enter(self, caller: str, count: int = 1) -> None:
        """Raises Overloaded when there is no room for `count` more."""
        mine = self._by_caller.get(caller, 0) + count
        if self._total + count > self._limit or mine > self._share:
            raise Overloaded(f"{self._total} requests are in flight, {mine - count} of them for this caller")
        self._total += count
        self._by_caller[caller] = mine

    def leave(self, caller: str, count: int = 1) -> None:
        self._total -= count
        left = self._by_caller[caller] - count
        if left:
            self._by_caller[caller] = left
        else:
            del self._by_caller[caller]
