"""Clearing: messages that have had their effect are stored, recorded and only then deleted, beside the receiving.

A disk or a queue that hangs must not keep the next halt from being received, so nobody waits for this for long. What
fails here is forgotten: the queue hides nothing from the next poll, so the message comes again until it is deleted.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from itertools import islice
from typing import Final

import msgspec

from sidecar.core.errors import AuditError, FeedError, StoreError
from sidecar.service.killswitch.backoff import Backoff
from sidecar.service.killswitch.refusals import Refusals
from sidecar.service.killswitch.switch import KillSwitch
from sidecar.service.ports import FeedTrouble, Message, Metrics, OrderFeed

_logger = logging.getLogger(__name__)
_MOST: Final = 1000
_BATCH: Final = 10


class Owed(msgspec.Struct, frozen=True):
    """A message with its effect: an order if `is_order`, else one that was refused for `why`, else a sign of life."""

    message: Message
    is_order: bool = False
    why: str = ""
    reason: str = ""


class Clearing:
    """`problem` is why what was received cannot be settled or deleted just now, "" while it can."""

    def __init__(
        self, feed: OrderFeed, switch: KillSwitch, refusals: Refusals, metrics: Metrics, backoff: Backoff
    ) -> None:
        self.problem = ""
        self._feed = feed
        self._switch = switch
        self._refusals = refusals
        self._metrics = metrics
        self._backoff = backoff
        self._owed: dict[str, Owed] = {}
        self._wanted = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    @property
    def is_behind(self) -> bool:
        """Whether something that was received before is not deleted yet."""
        return bool(self.problem) or not self._is_idle.is_set()

    def owe(self, owed: Sequence[Owed]) -> None:
        """To be settled. Of a message that is owed already, the newest handle counts; beyond a thousand, none."""
        for one in owed:
            if one.message.id in self._owed or len(self._owed) < _MOST:
                self._owed[one.message.id] = one
        if self._owed:
            self._wanted.set()
            self._is_idle.clear()

    async def wait(self, most: float) -> None:
        """Until all is settled, or it failed and was waited for; at most so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(most):
                await self._is_idle.wait()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            batch = [self._owed.pop(key) for key in list(islice(self._owed, _BATCH))]
            try:
                await self._settle(batch)
            except (StoreError, AuditError, FeedError) as error:
                self._failed(error)
                await asyncio.sleep(self._backoff.next())
            else:
                self.problem = ""
                self._backoff.reset()
            if self._owed:
                self._wanted.set()
            else:
                self._is_idle.set()

    async def _settle(self, batch: Sequence[Owed]) -> None:
        """In this order: what is deleted is on disk and on record."""
        if any(one.is_order for one in batch):
            await self._switch.settle(())
        await self._refusals.record([(one.message, one.why, one.reason) for one in batch if one.why])
        await self._feed.delete([one.message.handle for one in batch])

    def _failed(self, error: Exception) -> None:
        if not self.problem:
            _logger.error("what the kill switch received is in force, but cannot be settled: %s", error)
        self.problem = str(error)
        if isinstance(error, FeedError):
            self._metrics.receive_failed(FeedTrouble.UNDELETED)
