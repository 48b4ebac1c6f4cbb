"""How the kill switch fares, for health and metrics: values that others fill in."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Final

import msgspec
from immutables import Map

from sidecar.core.killswitch import Kind, Order, Origin
from sidecar.core.killswitch.book import Key
from sidecar.core.killswitch.order import FOREVER
from sidecar.service.killswitch.switch import KillSwitch
from sidecar.service.ports import Clock
from sidecar.service.state import State

_MANY: Final = 5_000
_RECOUNT_EVERY: Final = 1.0


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

    `unsettled`: why what is in force would not survive a restart, or what came cannot be deleted.
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
    unsettled: tuple[str, ...] = ()


class Reporter:
    """Asks the parts how they fare. Halts are counted anew only when an order changed, or one of them is over.

    To count very many takes longer than a decision may wait, so that is done aside, and what is told is a second old.
    """

    def __init__(self, switch: KillSwitch, state: State, clock: Clock, refused: Callable[[], int]) -> None:
        self._switch = switch
        self._state = state
        self._clock = clock
        self._refused = refused
        self._sighted: Callable[[], Sighted] | None = None
        self._shared: Callable[[], str] = str
        self._unsettled: tuple[Callable[[], str], ...] = ()
        self._counted: _Counted | None = None

    def watch(self, sighted: Callable[[], Sighted], shared: Callable[[], str] = str) -> None:
        """There is a feed: ask these from now on how it is seen, and why its queue seems to be another's too."""
        self._sighted, self._shared = sighted, shared

    def keeping(self, *unsettled: Callable[[], str]) -> None:
        """Ask these from now on why something is not settled; "" where everything is."""
        self._unsettled = unsettled

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
            tuple(problem for told in self._unsettled if (problem := told())),
        )

    async def run(self) -> None:
        """Keep the count of very many halts fresh, until cancelled."""
        while True:
            await asyncio.sleep(_RECOUNT_EVERY)
            await self.recount()

    async def recount(self) -> None:
        """Count aside, if there are very many and the last count is not theirs."""
        orders, now = self._switch.book.orders, self._clock.now()
        if len(orders) > _MANY and not self._is_counted(orders, now):
            self._counted = await asyncio.to_thread(_counted, orders, now)

    def _count(self) -> Count:
        orders, now = self._switch.book.orders, self._clock.now()
        is_stale = not self._is_counted(orders, now)
        if self._counted is None or (is_stale and len(orders) <= _MANY):
            self._counted = _counted(orders, now)
        return self._counted.count

    def _is_counted(self, orders: Map[Key, Order], now: float) -> bool:
        counted = self._counted
        return counted is not None and counted.orders is orders and now < counted.until


class _Counted(msgspec.Struct, frozen=True):
    """The count of these orders, which is right until then (epoch seconds)."""

    orders: Map[Key, Order]
    until: float
    count: Count


def _counted(orders: Map[Key, Order], now: float) -> _Counted:
    holding = [order for order in orders.values() if order.holds(now)]
    until = min((order.expires_at for order in holding if order.expires_at is not None), default=FOREVER)
    kinds = Counter(order.scope.kind for order in holding)
    origins = Counter(order.origin for order in holding)
    return _Counted(orders, until, Count(kinds, origins))
