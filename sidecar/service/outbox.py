"""The outbox: what is owed to somebody is on disk before anybody is told that it will be delivered.

One task writes: what came while it wrote goes into the next transaction, together with what is delivered by then. So
an item that was delivered in the last second before a crash is delivered once more.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final

import msgspec

from sidecar.core.errors import OutboxFull, StoreError
from sidecar.core.owed import Kind, Owed
from sidecar.service.outbox_book import OutboxBook, Plan
from sidecar.service.ports import Clock, Metrics, OutboxStatus, OutboxStore, Slip

_log = logging.getLogger(__name__)
_WRITE_EVERY: Final = 1.0


class _Offer(msgspec.Struct, frozen=True, gc=False):
    """Items that somebody wants to be on disk, and who waits for that."""

    items: Sequence[Owed]
    through: int | None
    written: asyncio.Future[None]


class Outbox:
    """At most `limit` bytes, and nothing older than `age` seconds. `problem` is why nothing gets through, or "".

    `to` is whom it is for, in the words of the log.
    """

    def __init__(
        self,
        store: OutboxStore,
        clock: Clock,
        metrics: Metrics,
        *,
        limit: int,
        age: float,
        to: str = "the platform",
    ) -> None:
        self.to = to
        self.book = OutboxBook(limit)
        self.problem = ""
        self.through = -1
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._age = age
        self._offers: deque[_Offer] = deque()
        self._gone: list[int] = []
        self._delivered = 0
        self._dropped = 0
        self._wanted = asyncio.Event()
        self._news = asyncio.Event()

    async def start(self, newest: int) -> None:
        """Take up what the last run left; the first of all starts behind the `newest` record. Raises StoreError."""
        slips, through = await self._store.load()
        for slip in slips:
            self.book.enter(slip)
        if through is None:
            await self._store.put((), (), newest)
        self.through = newest if through is None else through

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_WRITE_EVERY):
                    await self._wanted.wait()
            self._expire()
            await self.write()

    async def close(self) -> None:
        """Write what is left to write, then let the disk go."""
        await self.write()
        await self._store.close()

    async def owe(self, *items: Owed, through: int | None = None) -> None:
        """Return once these are on disk; `through` is kept with them. Needs `run`.

        Raises StoreError: OutboxFull where there is no room for something that is promised.
        """
        written = asyncio.get_running_loop().create_future()
        self._offers.append(_Offer(items, through, written))
        self._wanted.set()
        await written

    async def read(self, number: int) -> Owed | None:
        """Raises StoreError."""
        return await self._store.read(number)

    def delivered(self, slip: Slip) -> None:
        """It was told."""
        self._delivered += 1
        self._metrics.owed_delivered(slip.kind)
        self._strike(slip)

    def drop(self, slip: Slip, why: str) -> None:
        """It will never be told."""
        _log.warning("a %s of %s is dropped: %s", slip.kind, slip.agent, why)
        self._count_dropped(slip.kind, why)
        self._strike(slip)

    async def news(self, within: float) -> None:
        """Return when something more is owed, or after so many seconds."""
        self._news.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._news.wait()

    def status(self) -> OutboxStatus:
        oldest = self.book.oldest
        age = max(0.0, self._clock.now() - oldest.owed_at) if oldest else 0.0
        problem = self.problem if oldest else ""
        return OutboxStatus(len(self.book), self.book.bytes, age, self._delivered, self._dropped, problem)

    async def write(self) -> None:
        """Write all that waits to be written, in one transaction; whoever waits for it is told if that fails."""
        self._wanted.clear()
        offers, gone = list(self._offers), list(self._gone)
        if not offers and not gone:
            return
        self._offers.clear()
        plan = self.book.plan([item for offer in offers for item in offer.items])
        through = max((offer.through for offer in offers if offer.through is not None), default=None)
        leaving = [*gone, *(slip.number for slip in (*plan.outdated, *plan.crowded_out))]
        try:
            await self._store.put(plan.entered, leaving, through)
        except Exception as error:
            _tell(offers, None, StoreError(str(error)))  # whatever it was, nobody is to wait for ever
            if not isinstance(error, StoreError):
                raise
            _log.warning("what is owed to %s cannot be kept: %s", self.to, error)
            return
        del self._gone[: len(gone)]
        self.through = self.through if through is None else through
        self._enter(plan)
        full = OutboxFull(f"no more can be owed to {self.to}: its outbox is full")
        _tell(offers, {item.id for item in plan.refused if not item.kind.is_spare}, full)

    def _enter(self, plan: Plan) -> None:
        for slip in (*plan.outdated, *plan.crowded_out):
            self.book.strike(slip.number)
        for slip, _ in plan.entered:
            self.book.enter(slip)
        lost = [slip.kind for slip in plan.crowded_out] + [
            one.kind for one in plan.refused if one.kind.is_spare
        ]
        for kind in lost:
            self._count_dropped(kind, "room")
        if lost:
            _log.warning("%d heartbeats and reports are dropped for want of room in the outbox", len(lost))
        self._news.set()

    def _expire(self) -> None:
        for slip in self.book.older_than(self._clock.now() - self._age):
            self.drop(slip, "age")

    def _count_dropped(self, kind: Kind, why: str) -> None:
        self._dropped += 1
        self._metrics.owed_dropped(kind, why)

    def _strike(self, slip: Slip) -> None:
        if self.book.strike(slip.number):
            self._gone.append(slip.number)


def _tell(offers: Sequence[_Offer], refused: AbstractSet[str] | None, error: StoreError) -> None:
    """Those who offered what was refused get the error; all of them where `refused` is None."""
    for offer in offers:
        if offer.written.done():
            continue
        if refused is None or any(item.id in refused for item in offer.items):
            offer.written.set_exception(type(error)(str(error)))
        else:
            offer.written.set_result(None)
