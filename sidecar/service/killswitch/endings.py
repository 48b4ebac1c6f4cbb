"""Endings: a halt ends the approvals whose requests it hits, and the waits for them.

1. Look through the book for what new halts hit, those first that somebody waits for. From then on nothing comes of
   them: no request leads to them, and whoever waits is told.
2. Record and store their end, a hundred at a time; what cannot be is tried again.

What is asked of them before 1 looks at the halts in force by itself. A halt that is released meanwhile has ended them
all the same.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Final

import msgspec
from immutables import Map

from sidecar.core.errors import AuditError, StoreError
from sidecar.core.killswitch import Command, Halts, Order
from sidecar.core.killswitch.halts import with_order
from sidecar.service.approvals import Approvals
from sidecar.service.halting import Halting
from sidecar.service.state import State

_log = logging.getLogger(__name__)
_LOOK_EVERY: Final = 1.0
_AT_ONCE: Final = 100


class Endings:
    """`ordered` and `blinded` are told of changes, and cost nothing: all is done by `run`."""

    def __init__(self, approvals: Approvals, halting: Halting, state: State) -> None:
        self._approvals = approvals
        self._halting = halting
        self._state = state
        self._ordered = self._blank()
        self._news = asyncio.Event()

    def ordered(self, orders: Sequence[Order]) -> None:
        """Orders have come into force."""
        for order in orders:
            if order.command is Command.BLOCK:
                self._ordered = with_order(self._ordered, order, None)
                self._news.set()

    def blinded(self) -> None:
        """Nobody sees any more what is halted: approvals stay, waits for them end."""
        self._news.set()

    async def run(self) -> None:
        """Until cancelled. The halts of the last run may have ended approvals that it could not store."""
        await self.sweep(self._state.snapshot.halts)
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY):
                    await self._news.wait()
            self._news.clear()
            await self.sweep(self.taken())

    def taken(self) -> Halts:
        """What was ordered since this was asked last."""
        ordered, self._ordered = self._ordered, self._blank()
        return ordered

    async def sweep(self, halts: Halts) -> None:
        """End what these hit, and what could not be ended before. That nobody sees, or knows, ends no approval."""
        halts = msgspec.structs.replace(halts, is_blind=False, is_damaged=False, unread=Map())
        waits = self._approvals.waits
        await self._doom(waits.awaited, halts)
        if halts.named or halts.globs:
            await self._doom(self._approvals.book.ids(), halts)
        await self._end()

    async def _doom(self, ids: Sequence[str], halts: Halts) -> None:
        for number, approval_id in enumerate(ids, 1):
            self._look_at(approval_id, halts)
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)  # decisions go first

    def _look_at(self, approval_id: str, halts: Halts) -> None:
        book = self._approvals.book
        approval = book.get(approval_id)
        if approval is None or not book.can_be_halted(approval):
            return
        if (hit := self._halting.of_approval(approval, halts)) is not None:
            book.doom(approval, hit.reason)
        if hit is not None or self._halting.of_approval(approval) is not None:
            self._approvals.waits.resolved(approval_id)

    async def _end(self) -> None:
        try:
            while doomed := self._approvals.book.doomed(_AT_ONCE):
                await self._approvals.end(doomed)
        except (AuditError, StoreError) as error:
            _log.warning("approvals that a halt has ended wait to be stored: %s", error)

    def _blank(self) -> Halts:
        """An index of this host and organization in which nothing is halted, seen or not."""
        halts = self._state.snapshot.halts
        return Halts(here=halts.here, organization=halts.organization)
