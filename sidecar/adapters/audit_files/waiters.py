"""Waiters: who waits for which record to be durable, and what becomes of them."""

import asyncio
import math
from collections.abc import Callable, Iterable

from sidecar.core.errors import AuditError
from sidecar.service.ports import Receipt

Waiter = asyncio.Future[Receipt]
Pending = tuple[bytes, Receipt, Waiter, float]  # line, receipt, who waits, until when (loop time)


def refused(why: str) -> Waiter:
    """A waiter that raises AuditError."""
    waiter: Waiter = asyncio.get_running_loop().create_future()
    fail(waiter, why)
    return waiter


def fail(waiter: Waiter, why: str) -> None:
    """Have it raise AuditError, unless it is done."""
    if not waiter.done():
        waiter.set_exception(AuditError(why))
        # Whoever waits still gets it. If nobody does any more, that is no reason for a warning.
        waiter.exception()


def answer(batch: Iterable[Pending]) -> list[int]:
    """Give the receipts of records that are durable. Returns the records whose waiters were failed before that."""
    late = []
    for _, receipt, waiter, _ in batch:
        if not waiter.done():
            waiter.set_result(receipt)
        elif not waiter.cancelled():
            late.append(receipt.seq)
    return late


def expire(pending: Iterable[Pending], now: float) -> float:
    """Fail those whose deadline has come. Returns the first deadline that is still to come, or infinity."""
    nearest = math.inf
    for _, _, waiter, deadline in pending:
        if deadline <= now:
            fail(waiter, "the record was not on the disk in time")
        elif deadline < nearest and not waiter.done():
            nearest = deadline
    return nearest


class Alarm:
    """One timer for many deadlines. `ring` tells when it is to ring next."""

    def __init__(self, ring: Callable[[], float]) -> None:
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None
        self.at = math.inf

    def by(self, at: float) -> None:
        """Ring at that loop time or before."""
        if at < self.at:
            if self._timer is not None:
                self._timer.cancel()
            self.at = at
            self._timer = asyncio.get_running_loop().call_at(at, self._run)

    def _run(self) -> None:
        self.at = math.inf
        self.by(self._ring())
