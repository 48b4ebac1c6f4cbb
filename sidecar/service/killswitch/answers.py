"""Answers: which orders of the fleet are still to be acknowledged.

They are stored in the transaction that stores the orders, so that no crash between an order and its acknowledgement
loses either, and what was acknowledged once is remembered, so that no second arrival is acknowledged again.

A release that is only a hint is acknowledged when its scope is released.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from sidecar.core.killswitch import Command, Order, Origin, Scope
from sidecar.core.killswitch.ack import Ack, ack_id, ack_of, is_nameable
from sidecar.core.killswitch.book import Book, Outcome
from sidecar.service.ports import KeptHalts

_log = logging.getLogger(__name__)
_MOST: Final = 10_000
# Of an older halt that a state names nobody waits to hear: a new host would acknowledge all that were ever given.
_NEWS: Final = 3600.0


class Answers:
    """`is_asked`: whether there is anybody to acknowledge to. Bounded: the oldest goes first, and is told of."""

    def __init__(self, *, is_asked: bool = False) -> None:
        self.is_asked = is_asked
        self._fresh: dict[str, Ack] = {}
        self._open: dict[str, Ack] = {}
        self._waiting: dict[Scope, set[str]] = {}
        self._given: dict[str, None] = {}
        self._news = asyncio.Event()

    def take_up(self, kept: KeptHalts) -> None:
        """What the last run left."""
        self._open = {ack.id: ack for ack in kept.acks}
        for ack in kept.acks:
            self._wait(ack)
        self._given = dict.fromkeys(kept.acknowledged)

    def saw(self, order: Order, outcome: Outcome, book: Book, now: float) -> None:
        """This came of an order, which is about to be stored."""
        if not self.is_asked or order.origin is not Origin.FLEET or not is_nameable(order):
            return
        if outcome is Outcome.APPLIED or _is_in_force(order, outcome, book):
            self._enter(ack_of(order, now))
            if order.command is Command.UNBLOCK:
                self._release(order.scope, book, now)
        elif outcome is Outcome.HINT:
            is_waiting = book.is_halted(order.scope, Origin.FLEET)
            self._enter(ack_of(order, 0.0 if is_waiting else now))

    def restated(self, changed: Iterable[Order], book: Book, now: float) -> None:
        """The authoritative state had these changed."""
        if not self.is_asked:
            return
        for order in changed:
            if order.command is Command.UNBLOCK:
                self._release(order.scope, book, now)
            elif is_nameable(order) and now - (order.issued_at or now) <= _NEWS:
                self._enter(ack_of(order, now))

    def fresh(self) -> list[Ack]:
        """What is to be stored next."""
        return list(self._fresh.values())

    def stored(self, acks: Sequence[Ack], at: float) -> None:
        """These are on disk."""
        for ack in acks:
            if self._fresh.get(ack.id) is ack:
                del self._fresh[ack.id]
            self._open[ack.id] = ack if ack.stored_at else msgspec.structs.replace(ack, stored_at=at)
        if acks:
            self._bound()
            self._news.set()

    def due(self) -> list[Ack]:
        """Those to be given now, the oldest first."""
        return [ack for ack in self._open.values() if ack.is_due]

    def given(self, ids: Iterable[str]) -> None:
        """These are owed to all who wait for them."""
        for one in ids:
            self._open.pop(one, None)
            self._given[one] = None
        while len(self._given) > _MOST:
            del self._given[next(iter(self._given))]

    async def news(self, within: float) -> None:
        """Return when something more is due, or after so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._news.wait()
        self._news.clear()

    def _enter(self, ack: Ack) -> None:
        """While nothing can be stored, what is too much is left out: it is seen again when the order is settled."""
        is_known = ack.id in self._given or ack.id in self._open or ack.id in self._fresh
        if not is_known and len(self._fresh) < _MOST:
            self._fresh[ack.id] = ack
            self._wait(ack)

    def _wait(self, ack: Ack) -> None:
        if not ack.enforced_at:
            self._waiting.setdefault(ack.scope, set()).add(ack.id)

    def _release(self, scope: Scope, book: Book, now: float) -> None:
        if book.is_halted(scope, Origin.FLEET):
            return
        for one in self._waiting.pop(scope, ()):
            ack = self._fresh.get(one) or self._open.get(one)
            if ack is not None:
                self._fresh[one] = msgspec.structs.replace(ack, enforced_at=now)

    def _bound(self) -> None:
        lost = len(self._open) - _MOST
        if lost > 0:
            _log.warning("%d orders will not be acknowledged: too many wait", lost)
            for one in list(self._open)[:lost]:
                self._forget(self._open.pop(one))

    def _forget(self, ack: Ack) -> None:
        waiting = self._waiting.get(ack.scope, set())
        waiting.discard(ack.id)
        if not waiting:
            self._waiting.pop(ack.scope, None)


def _is_in_force(order: Order, outcome: Outcome, book: Book) -> bool:
    """Whether the authoritative state brought the same order before its message came."""
    known = book.like(order)
    return outcome is Outcome.SUPERSEDED and known is not None and ack_id(known) == ack_id(order)
