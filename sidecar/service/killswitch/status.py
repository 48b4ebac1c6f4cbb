"""How the kill switch fares, for health and metrics: values that others fill in."""

from collections import Counter
from collections.abc import Callable
from typing import Final

import msgspec
from immutables import Map

from sidecar.core.killswitch import Kind, Order, Origin
from sidecar.core.killswitch.book import Key
from sidecar.service.killswitch.switch import KillSwitch
from sidecar.service.ports import Clock
from sidecar.service.state import State

_NEVER: Final = float("inf")


class Sighted(msgspec.Struct, frozen=True):
    """The signs of life of a feed: seconds since each, None before the first.

    `received` is a good receive of the queue, `beacon` one that came all the way, `confirmed` a state that was read.
    `lost` says of each way that shows nothing just now which it is and since when.
    """

    received: float | None = None
    beacon: float | None = None
    confirmed: float | None = None
    lost: tuple[str, ...] = ()


class Count(msgspec.Struct, frozen=True):
    """The halts that are in force."""

    by_kind: dict[Kind, int]
    by_origin: dict[Origin, int]

    @property
    def total(self) -> int:
        return sum(self.by_origin.values())


class SwitchStatus(msgspec.Struct, frozen=True):
    """`sighted` is None without a feed. `why_blind` is "" while somebody sees, `shared` while the queue is ours.

    `is_damaged`: what was in force is lost and everything is halted; `quarantined` is where that is kept, or "".
    """

    halts: Count
    sighted: Sighted | None = None
    why_blind: str = ""
    epoch: int = 0
    is_damaged: bool = False
    quarantined: str = ""
    refused: int = 0
    shared: str = ""


class Reporter:
    """Asks the parts how they fare. Halts are counted anew only when an order changed, or one of them is over."""

    def __init__(self, switch: KillSwitch, state: State, clock: Clock, refused: Callable[[], int]) -> None:
        self._switch = switch
        self._state = state
        self._clock = clock
        self._refused = refused
        self._sighted: Callable[[], Sighted] | None = None
        self._shared: Callable[[], str] = str
        self._counted: tuple[Map[Key, Order], float, Count] | None = None

    def watch(self, sighted: Callable[[], Sighted], shared: Callable[[], str] = str) -> None:
        """There is a feed: ask these from now on how it is seen, and why its queue seems to be another's too."""
        self._sighted, self._shared = sighted, shared

    def status(self) -> SwitchStatus:
        switch = self._switch
        return SwitchStatus(
            self._count(),
            self._sighted() if self._sighted else None,
            self._state.snapshot.halts.why_blind,
            switch.epoch.number,
            switch.book.is_damaged,
            switch.quarantined,
            self._refused(),
            self._shared(),
        )

    def _count(self) -> Count:
        book, now = self._switch.book, self._clock.now()
        if self._counted is None or self._counted[0] is not book.orders or now >= self._counted[1]:
            holding = [order for order in book.halts() if order.holds(now)]
            until = min(
                (order.expires_at for order in holding if order.expires_at is not None), default=_NEVER
            )
            kinds = Counter(order.scope.kind for order in holding)
            origins = Counter(order.origin for order in holding)
            self._counted = (book.orders, until, Count(kinds, origins))
        return self._counted[2]
