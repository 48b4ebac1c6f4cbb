"""The vigil: what comes about without an order. Sight is lost or found, a halt is over, a bundle is another one."""

import asyncio
import heapq
from collections.abc import Callable, Iterable
from typing import Final

from sidecar.core.killswitch import Command, Order
from sidecar.service.ports import Clock
from sidecar.service.state import State

_LOOK_EVERY: Final = 0.2


class Vigil:
    """Decisions do not wait for it: they look for themselves. It is for those who wait, or listen."""

    def __init__(self, state: State, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self._seen = _sight(state)
        self._ends: list[float] = []
        self._listeners: list[Callable[[], None]] = []

    def on_change(self, listener: Callable[[], None]) -> None:
        """It is told that it should look again."""
        self._listeners.append(listener)

    def ordered(self, orders: Iterable[Order]) -> None:
        """Take note of when these are over."""
        for order in orders:
            if order.command is Command.BLOCK and order.expires_at is not None:
                heapq.heappush(self._ends, order.expires_at)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(_LOOK_EVERY)

    def look(self) -> None:
        """Tell of what has come about since the last look."""
        seen, now = _sight(self._state), self._clock.now()
        is_news = seen != self._seen
        self._seen = seen
        while self._ends and self._ends[0] <= now:
            heapq.heappop(self._ends)
            is_news = True
        if is_news:
            for listener in self._listeners:
                listener()


def _sight(state: State) -> tuple[object, ...]:
    """A bundle that is new can put agents into other groups."""
    halts, activated_at = state.snapshot.halts, state.snapshot.activated_at
    return halts.is_blind, halts.is_damaged, halts.unread, activated_at
