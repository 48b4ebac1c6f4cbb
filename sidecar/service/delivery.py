"""Delivery: a few agents at once, each of their items in its turn, slowly enough that live traffic does not feel it.

While nothing gets through, all rest; an item that alone fails waits by itself, and after some attempts lets those
behind it pass. What the recipient refuses is dropped, so that no item blocks a queue.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from sidecar.core.errors import StoreError
from sidecar.core.owed import Fate, pause
from sidecar.service.outbox import Outbox
from sidecar.service.ports import Clock, Recipient, Slip

_log = logging.getLogger(__name__)
_AT_ONCE: Final = 4
_A_SECOND: Final = 100
_LOOK_EVERY: Final = 1.0
_MOST_REST: Final = 30.0
_MOST_PAUSE: Final = 300.0
_PATIENCE: Final = 5


class Delivery:
    """`within`: seconds for one call. `chance` gives a number from 0 to below 1, anew at each call.

    `at_once`: how many lanes are at work; one keeps the order of all.
    """

    def __init__(
        self,
        outbox: Outbox,
        recipient: Recipient,
        clock: Clock,
        within: float,
        chance: Callable[[], float],
        at_once: int = _AT_ONCE,
    ) -> None:
        self._outbox = outbox
        self._recipient = recipient
        self._at_once = at_once
        self._clock = clock
        self._within = within
        self._chance = chance
        self._rests = 0
        self._rest_until = 0.0
        self._delivered = 0
        self._failed: dict[int, tuple[int, int]] = {}

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self._at_once):
                tasks.create_task(self._work())

    async def _work(self) -> None:
        while True:
            if await self.deliver():
                await asyncio.sleep(self._at_once / _A_SECOND)
            else:
                await self._outbox.news(_LOOK_EVERY)

    async def deliver(self) -> bool:
        """Try one item whose turn it is; False where there is none, or all rest."""
        now = self._clock.monotonic()
        slip = self._outbox.book.take(now) if now >= self._rest_until else None
        if slip is None:
            return False
        lane = self._outbox.book.lane_of(slip.number)
        due = 0.0
        try:
            due = await self._try(slip)
        finally:
            self._outbox.book.give_back(lane, due)
        return True

    async def _try(self, slip: Slip) -> float:
        """When the lane has its turn again, by the steady clock; 0 is at once."""
        try:
            item = await self._outbox.read(slip.number)
        except StoreError as error:
            _log.warning("what is owed to %s cannot be read: %s", self._outbox.to, error)
            return self._clock.monotonic() + _MOST_REST
        if item is None:
            return 0.0
        told = await self._recipient.tell(item, self._within)
        return self._settle(slip, told.fate, told.why)

    def _settle(self, slip: Slip, came: Fate, why: str) -> float:
        if came is Fate.NOT_NOW:
            return self._rest(why)
        if came is Fate.AGAIN:
            return self._later(slip, why)
        self._rests, self._rest_until, self._outbox.problem = 0, 0.0, ""
        self._failed.pop(slip.number, None)
        if came is Fate.DELIVERED:
            self._delivered += 1
            self._outbox.delivered(slip)
        else:
            _log.warning("%s will not have the %s %d: %s", self._outbox.to, slip.kind, slip.number, why)
            self._outbox.drop(slip, "refused")
        return 0.0

    def _rest(self, why: str) -> float:
        now = self._clock.monotonic()
        if now < self._rest_until:
            return 0.0
        if not self._outbox.problem:
            _log.warning("what is owed to %s waits: %s", self._outbox.to, why)
        self._outbox.problem = why
        self._rest_until = now + pause(self._rests, _MOST_REST, self._chance())
        self._rests += 1
        return 0.0

    def _later(self, slip: Slip, why: str) -> float:
        self._outbox.problem = why
        failures, before = self._failed.get(slip.number, (0, self._delivered))
        self._failed[slip.number] = (failures + 1, before)
        due = self._clock.monotonic() + pause(failures, _MOST_PAUSE, self._chance())
        is_alone = failures + 1 >= _PATIENCE and self._delivered > before
        return 0.0 if is_alone and self._outbox.book.step_over(slip.number, due) else due
