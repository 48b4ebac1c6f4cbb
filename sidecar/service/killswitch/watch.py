"""Watch: receive, read, enforce, settle, again and again.

1. Receive. After any error the next poll is a short one, so that the first that goes well says so at once.
2. Read and enforce all that came, see intake.py, before anything is awaited on a disk.
3. Only then the poll counts as a sign of sight: what it brought is in force.
4. Clear, see clearing.py, and wait for it only for a moment.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from sidecar.core.errors import FeedError
from sidecar.service.killswitch.backoff import Backoff
from sidecar.service.killswitch.clearing import Clearing
from sidecar.service.killswitch.counts import FeedStatus
from sidecar.service.killswitch.intake import Intake, Sighted
from sidecar.service.killswitch.refusals import Refusals
from sidecar.service.ports import Clock, Message, Metrics, OrderFeed

_logger = logging.getLogger(__name__)
_SETTLED_SOON: Final = 0.25
_FULL: Final = 10
_SLOW: Final = 3.0
_PROVE_EVERY: Final = 5.0


class Watch:
    """One queue. `run` it; `status` is for health."""

    def __init__(
        self,
        feed: OrderFeed,
        intake: Intake,
        clearing: Clearing,
        refusals: Refusals,
        sight: Sighted,
        clock: Clock,
        metrics: Metrics,
        backoff: Backoff,
        wait: float,
        owe: Callable[[], None],
    ) -> None:
        """`wait`: seconds that a poll is held at most. `owe` is called when something that no message stands for is
        to be stored."""
        self._feed = feed
        self._intake = intake
        self._clearing = clearing
        self._refusals = refusals
        self._sight = sight
        self._clock = clock
        self._metrics = metrics
        self._backoff = backoff
        self._wait = wait
        self._owe = owe
        self._trouble: FeedError | None = None
        self._last_good: float | None = None

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._clearing.run())
            tasks.create_task(self._prove())
            wait = 0.0
            while True:
                wait = self._wait if await self._poll(wait) else 0.0

    async def close(self) -> None:
        await self._feed.close()

    def status(self) -> FeedStatus:
        trouble = self._trouble
        return FeedStatus(
            self._feed.name,
            why=trouble.why if trouble else "",
            error=str(trouble) if trouble else "",
            unsettled=self._clearing.problem,
            last_good=self._last_good,
            shared_queue_suspected=bool(self.shared()),
            counts=self._intake.counts.by_name(self._refusals.unrecorded),
        )

    def shared(self) -> str:
        """Why somebody else seems to read from the queue; "" while nothing speaks for it."""
        if not self._intake.sharing.is_suspected(self._clock.monotonic()):
            return ""
        return f"others seem to read from {self._feed.name}, and halt in the place of this host"

    async def _prove(self) -> None:
        """Look again and again for the proof of halts that were believed without it."""
        while True:
            await asyncio.sleep(_PROVE_EVERY)
            if await self._intake.reverify():
                self._owe()

    async def _poll(self, wait: float) -> bool:
        """Whether it went well."""
        asked = self._clock.monotonic()
        try:
            messages = await self._feed.receive(wait)
        except FeedError as error:
            self._failed(error)
            await asyncio.sleep(self._backoff.next())
            return False
        if self._trouble is not None:
            _logger.warning("orders are received from %s again", self._feed.name)
        self._trouble = None
        self._backoff.reset()
        await self._take(messages, is_fresh=self._clock.monotonic() - asked <= wait + _SLOW)
        return True

    def _failed(self, error: FeedError) -> None:
        if self._trouble is None or self._trouble.why != error.why:
            _logger.error("no orders are received from %s (%s): %s", self._feed.name, error.why, error)
        self._trouble = error
        self._metrics.receive_failed(error.why)
        self._intake.counts.errors += 1
        self._intake.sharing.failed(self._clock.monotonic())

    async def _take(self, messages: Sequence[Message], *, is_fresh: bool) -> None:
        """An answer that is not fresh was given before this host slept, and says nothing of now."""
        owed = await self._intake.take(messages)
        # Behind a full batch that cannot be deleted there may be orders that never come to light.
        is_stuck = self._clearing.is_behind and len(messages) >= _FULL
        is_whole = len(owed) == len(messages)
        if is_whole and not is_stuck:
            if is_fresh:
                self._last_good = self._clock.monotonic()
                self._sight.received()
        else:
            self._intake.look()
        self._clearing.owe(owed)
        if not is_whole:
            await asyncio.sleep(_SETTLED_SOON)  # what is left comes again at once
        await self._clearing.wait(_SETTLED_SOON)
