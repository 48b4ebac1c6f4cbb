"""The switch: the one place where orders take effect.

1. Fold the orders into the book and swap the halts of the snapshot: from here on they are enforced.
2. Tell those who must know at once: waiting approvals, open streams.
3. Store, then record. Only then is an order settled, and its message may be deleted.

What cannot be stored or recorded is in force all the same, and comes again until it is.
"""

import asyncio
import gc
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Final

import msgspec
from immutables import Map

from sidecar.core.errors import DamagedStore
from sidecar.core.killswitch import Halts, Order, Origin
from sidecar.core.killswitch.book import Book, Key, Outcome, fold, key_of, reconcile
from sidecar.core.killswitch.book import State as Stated
from sidecar.core.killswitch.halts import with_order
from sidecar.core.killswitch.record import OrderRecord
from sidecar.core.record import encode_record
from sidecar.service.courtesy import politely
from sidecar.service.killswitch.answers import Answers
from sidecar.service.ports import Clock, DecisionLog, Epoch, HaltChange, HaltStore, KeptHalts, Metrics
from sidecar.service.state import State

_logger = logging.getLogger(__name__)
_WITHIN: Final = 5.0
# So many orders are gone through at once without a decision noticing.
_MANY: Final = 500
_VERY_MANY: Final = 10_000
_TRIES_ASIDE: Final = 5
_KEPT_EVERY: Final = 60.0
_Restated = tuple[Book, Halts, dict[Key, Order]]


class Taken(msgspec.Struct, frozen=True):
    """An order with what came of it. Times are epoch seconds; `stored_at` is 0 until it is."""

    order: Order
    outcome: Outcome
    enforced_at: float
    stored_at: float = 0.0


class KillSwitch:
    """`halts` is what the index begins as: the names of this host, and whom blindness hits."""

    def __init__(
        self,
        state: State,
        store: HaltStore,
        log: DecisionLog,
        clock: Clock,
        halts: Halts,
        *,
        takes_signed_unblock: bool = False,
        answers: Answers | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self.answers = Answers() if answers is None else answers
        self.book = Book()
        self.epoch = self._kept_epoch = Epoch()
        self.quarantined = ""
        self._state = state
        self._store = store
        self._log = log
        self._clock = clock
        self._metrics = metrics
        self._halts = halts
        self._takes_signed_unblock = takes_signed_unblock
        self._listeners: list[Callable[[Sequence[Order]], None]] = []
        self._unsettled: dict[str, Taken] = {}
        self._unstored: dict[Key, Order] = {}
        self._turn = asyncio.Lock()

    @property
    def halts(self) -> Halts:
        """The index of what is in force, whatever can be seen of it."""
        return self._halts

    def on_change(self, listener: Callable[[Sequence[Order]], None]) -> None:
        """It is told of every order that has just come into force, releases included, before anything is awaited."""
        self._listeners.append(listener)

    async def start(self) -> None:
        """Take up what the last run left. Damaged, it is put aside and everything is halted. Raises StoreError."""
        try:
            kept = await self._store.load()
        except DamagedStore as error:
            self.quarantined = await self._store.quarantine()
            _logger.error("everything is halted: %s; it is kept as %s", error, self.quarantined)
            kept = KeptHalts(is_damaged=True)
        if kept is None:
            kept = KeptHalts()
        self.epoch = self._kept_epoch = kept.epoch
        self.answers.take_up(kept)
        self.book = Book(
            Map({key_of(order): order for order in kept.orders}),
            seen_before=Map(dict.fromkeys(kept.seen, True)),
            is_damaged=kept.is_damaged,
        )
        for order in kept.orders:
            self._halts = with_order(self._halts, order, None)
        self._show()

    async def take(self, orders: Sequence[Order]) -> Sequence[Taken]:
        """What came of them, in order, once all of them are stored and recorded. Raises StoreError or AuditError."""
        taken = self.apply(orders)
        return await self.settle(taken)

    def apply(self, orders: Sequence[Order]) -> list[Taken]:
        """Enforce them, and nothing else: `settle` is owed for what is returned."""
        taken: list[Taken] = []
        try:
            for order in orders:
                taken.append(self._fold(order))  # noqa: PERF401 - with those before one that raises
        finally:  # those before it would be duplicates from now on, and never be in force
            self._enforce([one.order for one in taken if one.outcome is Outcome.APPLIED])
        self._count(taken)
        return taken

    def _fold(self, order: Order) -> Taken:
        book, outcome = fold(self.book, order, takes_signed_unblock=self._takes_signed_unblock)
        one, halts = Taken(order, outcome, self._clock.now()), self._halts
        if outcome is Outcome.APPLIED:
            halts = with_order(halts, book.orders[key_of(order)], self.book.like(order))
        self.book, self._halts = book, halts
        if outcome is not Outcome.DUPLICATE:
            self._unsettled[order.identity] = one
        return one

    async def settle(self, taken: Sequence[Taken]) -> Sequence[Taken]:
        """Store and record what was enforced, and what could not be before. Raises StoreError or AuditError."""
        async with self._turn:
            stored_at = await self._settle_all()
        return [msgspec.structs.replace(one, stored_at=stored_at) for one in taken]

    async def _settle_all(self) -> float:
        due = dict(self._unsettled)
        applied = [one.order for one in due.values() if one.outcome is Outcome.APPLIED]
        for one in due.values():
            self.answers.saw(one.order, one.outcome, self.book, one.enforced_at)
        stored_at = await self._put(HaltChange(self._newest(applied)))
        settled = [msgspec.structs.replace(one, stored_at=stored_at) for one in due.values()]
        await self._record(settled)
        # Only now: what a crash left without a record must not be taken for a duplicate when it comes again.
        await self._store.put(HaltChange(seen=list(due)))
        for identity in due:
            self._unsettled.pop(identity, None)
        return stored_at

    async def restate(self, stated: Stated, epoch: Epoch | None = None) -> Sequence[Order]:
        """Bring what the fleet has halted in line with the authoritative state; the orders that changed.

        Raises StoreError or AuditError.
        """
        was_damaged = self.book.is_damaged
        self.book, self._halts, changes = await self._restated(stated)
        changed, enforced_at = tuple(changes.values()), self._clock.now()
        mended = was_damaged and not self.book.is_damaged
        self._enforce(changed, even_if_none=mended)
        self.answers.restated(changed, self.book, self._clock.now())
        self._unstored.update(changes)
        async with self._turn:
            while self._unstored:
                await self._keep_some(enforced_at)
        if mended or self._is_news(epoch):
            await self._store.put(HaltChange(epoch=epoch, is_damaged=False if mended else None))
            self._kept_epoch = epoch or self._kept_epoch
        self.epoch = epoch or self.epoch
        return changed

    async def _keep_some(self, enforced_at: float) -> None:
        """Store and record a part of what the authority changed. What fails is still owed then."""
        part = dict(islice(self._unstored.items(), _MANY))
        stored_at = await self._put(HaltChange(self._newest(part.values())))
        await self._record([Taken(order, Outcome.APPLIED, enforced_at, stored_at) for order in part.values()])
        for key, order in part.items():
            if self._unstored.get(key) is order:
                del self._unstored[key]

    def _is_news(self, epoch: Epoch | None) -> bool:
        """One that is only issued anew says the same, so that it is kept but once a minute."""
        kept = self._kept_epoch
        return epoch is not None and (
            epoch.number != kept.number or epoch.issued_at >= kept.issued_at + _KEPT_EVERY
        )

    async def _restated(self, stated: Stated) -> _Restated:
        """What is in force after the authority has spoken. Many halts are gone through aside, unless orders keep
        coming in meanwhile.
        """
        for _ in range(_TRIES_ASIDE):
            book, halts = self.book, self._halts
            if len(book.orders) + len(stated.halts) <= _MANY:
                break
            told = await asyncio.to_thread(politely, partial(_restate_aside, book, halts, stated))
            if self.book is book:
                return told
        return _restate(self.book, self._halts, stated)

    async def reset(self) -> None:
        """Forget that anything was lost, once that is on disk. Raises StoreError."""
        await self._store.put(HaltChange(is_damaged=False))
        self.book = msgspec.structs.replace(self.book, is_damaged=False)
        self._show()

    async def acknowledged(self, ids: Sequence[str]) -> None:
        """All who wait for these are owed them. Raises StoreError."""
        await self._store.put(HaltChange(acknowledged=ids))
        self.answers.given(ids)

    def in_force(self, origins: Iterable[Origin] = tuple(Origin)) -> list[Order]:
        """The halts that are not over, of these origins."""
        now, wanted = self._clock.now(), set(origins)
        return [order for order in self.book.halts() if order.origin in wanted and order.holds(now)]

    async def close(self) -> None:
        await self._store.close()

    async def _put(self, change: HaltChange) -> float:
        """Store it, and with it what is to be acknowledged; when that was done. Raises StoreError."""
        now = self._clock.now()
        acks = self.answers.fresh()
        kept = [ack if ack.stored_at else msgspec.structs.replace(ack, stored_at=now) for ack in acks]
        await self._store.put(replace(change, acks=kept) if kept else change)
        self.answers.stored(acks, stored_at := self._clock.now())
        return stored_at

    def _count(self, taken: Sequence[Taken]) -> None:
        if self._metrics is not None:
            now = self._clock.now()
            for one in taken:
                self._metrics.order_taken(one.order, one.outcome, now)

    def _newest(self, orders: Iterable[Order]) -> list[Order]:
        """What the book has of their scopes by now: what is written later is never older."""
        keys = dict.fromkeys(key_of(order) for order in orders)
        return [self.book.orders[key] for key in keys]

    def _enforce(self, changed: Sequence[Order], *, even_if_none: bool = False) -> None:
        if not (changed or even_if_none):
            return
        self._show()
        for listener in self._listeners:
            listener(changed)

    def _show(self) -> None:
        self._halts = msgspec.structs.replace(self._halts, is_damaged=self.book.is_damaged)
        self._state.halt(self._halts)

    async def _record(self, taken: Sequence[Taken]) -> None:
        now = self._clock.now()
        appended = [
            self._log.append(
                encode_record(OrderRecord(one.order, one.outcome, one.enforced_at, one.stored_at, now)),
                _WITHIN,
            )
            for one in taken
            if one.outcome is not Outcome.DUPLICATE
        ]
        for durable in appended:
            await durable


def _restate(book: Book, halts: Halts, stated: Stated) -> _Restated:
    after, changed = reconcile(book, stated)
    for order in changed:
        halts = with_order(halts, after.orders[key_of(order)], book.like(order))
    return after, halts, {key_of(order): order for order in changed}


def _restate_aside(book: Book, halts: Halts, stated: Stated) -> _Restated:
    """What many halts are made of stays, and is never looked at again by the collector, which would stop the loop."""
    told = _restate(book, halts, stated)
    if len(told[2]) >= _VERY_MANY:
        gc.freeze()
    return told
