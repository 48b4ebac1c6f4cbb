"""Sharing: signs that somebody else reads from this daemon's queue, who then halts in its place.

Each sign can have an innocent reason: a beacon or an order that never was published, a message that SQS gave out
twice. Several within minutes have none.
"""

from collections import OrderedDict, deque
from collections.abc import Iterator
from itertools import islice
from typing import Final, TypeVar

from sidecar.core.killswitch import Order, Scope
from sidecar.service.killswitch.sight import BEACON_GAP
from sidecar.service.ports import Message

K = TypeVar("K")
V = TypeVar("V")
# Senders whose numbers are no count, but times perhaps, leap further.
_LEAP: Final = 100
_LATE: Final = 30.0
# After an error, a poll that was given up may still have taken messages to nobody.
_QUIET: Final = 60.0
_WITHIN: Final = 600.0
_ENOUGH: Final = 3
_MOST: Final = 10_000


class Sharing:
    """Times are monotonic seconds, but `issued_at` of beacons, which are the sender's."""

    def __init__(self, now: float, beacon_gap: float = BEACON_GAP) -> None:
        """`beacon_gap`: seconds after a beacon within which the next one should have come."""
        self._beacon_gap = beacon_gap
        self._highest: OrderedDict[Scope, int] = OrderedDict()
        self._missing: OrderedDict[tuple[Scope, int], float] = OrderedDict()
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._beacon = 0.0
        self._signs: deque[float] = deque(maxlen=_ENOUGH)
        self._failed_at = now

    def failed(self, now: float) -> None:
        """Something could not be received."""
        self._failed_at = now

    def message(self, message: Message, now: float) -> None:
        """It was received. What comes for the first time was given to nobody before."""
        is_new = message.id not in self._ids
        _remember(self._ids, message.id, None)
        if is_new and message.number > 1 and now - self._failed_at > _QUIET:
            self._signs.append(now)

    def beacon(self, issued_at: float, now: float) -> bool:
        """Whether one or more before it are missing, though all went well."""
        before, self._beacon = self._beacon, max(self._beacon, issued_at)
        is_gap = bool(before) and issued_at - before > self._beacon_gap and now - self._failed_at > _QUIET
        if is_gap:
            self._signs.append(now)
        return is_gap

    def order(self, order: Order, now: float) -> bool:
        """Whether one or more of its scope, before it, are missing."""
        if order.seq is None:
            return False
        highest = self._highest.get(order.scope)
        self._missing.pop((order.scope, order.seq), None)
        if highest is not None and order.seq <= highest:
            return False
        _remember(self._highest, order.scope, order.seq)
        if highest is None or order.seq - highest > _LEAP:
            return False
        for seq in range(highest + 1, order.seq):
            _remember(self._missing, (order.scope, seq), now)
        return order.seq > highest + 1

    def is_suspected(self, now: float) -> bool:
        """Whether there were enough signs, not too long ago."""
        for key in list(islice(self._overdue(now), _ENOUGH)):
            del self._missing[key]
            self._signs.append(now)
        return len(self._signs) == _ENOUGH and now - self._signs[0] < _WITHIN

    def _overdue(self, now: float) -> Iterator[tuple[Scope, int]]:
        """Orders may overtake each other, but not by much."""
        return (key for key, since in self._missing.items() if now - since > _LATE)


def _remember(known: OrderedDict[K, V], key: K, value: V) -> None:
    """The newest 10,000 of them."""
    known[key] = value
    known.move_to_end(key)
    if len(known) > _MOST:
        known.popitem(last=False)
