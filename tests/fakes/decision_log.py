"""A decision log in memory, chained like the real one. Tests can make it fail or hang."""

import asyncio
from collections.abc import Awaitable, Sequence

import msgspec

from sidecar.core.chain import GENESIS, is_body, line_hash, link
from sidecar.core.errors import AuditError
from sidecar.core.model import Code, Object
from sidecar.core.times import rfc3339
from sidecar.service.ports import Clock, LogStatus, Receipt


class FakeDecisionLog:
    """`failing`: appends are refused. `stuck`: they wait for `release`, or for their deadline to pass.

    `read_stuck`: reads of one record wait for ever; `read_failing`: they raise.
    """

    def __init__(self, clock: Clock) -> None:
        self.failing = False
        self.stuck = False
        self.read_stuck = False
        self.read_failing = False
        self.warned: tuple[str, ...] = ()
        self.lines: list[bytes] = []
        self._clock = clock
        self._gaps: dict[Code, list[float]] = {}
        self._waiting: list[tuple[asyncio.Future[Receipt], Receipt]] = []

    @property
    def records(self) -> list[Object]:
        """All records, by number."""
        return [msgspec.json.decode(line) for line in self.lines]

    def append(self, body: bytes, within: float) -> Awaitable[Receipt]:
        waiter: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        if self.failing or not is_body(body):
            _fail(waiter)
            return waiter
        receipt = self._write(body)
        if self.stuck:
            self._waiting.append((waiter, receipt))
            asyncio.get_running_loop().call_later(within, _fail, waiter)
        else:
            waiter.set_result(receipt)
        return waiter

    def release(self) -> None:
        """The disk works again. What its caller no longer waits for is voided."""
        self.stuck = False
        waiting, self._waiting = self._waiting, []
        late = [receipt.seq for waiter, receipt in waiting if waiter.done() and not waiter.cancelled()]
        for waiter, receipt in waiting:
            if not waiter.done():
                waiter.set_result(receipt)
        if late:
            self._write(msgspec.json.encode({"type": "void", "voids": late}))

    def unrecorded(self, code: Code, now: float) -> None:
        self._gaps.setdefault(code, []).append(now)

    async def read(self, seq: int) -> Object | None:
        if self.read_failing:
            raise AuditError("the disk is gone")
        if self.read_stuck:
            await asyncio.Event().wait()
        return self.records[seq] if 0 <= seq < len(self.lines) else None

    async def newest(self, limit: int) -> Sequence[Object]:
        return self.records[::-1][:limit]

    def status(self) -> LogStatus:
        return LogStatus(
            writable=not self.failing,
            reason="made to fail" if self.failing else "",
            size=len(self.lines),
            bytes=sum(map(len, self.lines)),
            lag=0.0,
            checkpoint_size=0,
        )

    def warnings(self) -> Sequence[str]:
        return self.warned

    def _write(self, body: bytes) -> Receipt:
        gaps, self._gaps = self._gaps, {}
        told = {
            code: {"count": len(times), "from": rfc3339(min(times)), "to": rfc3339(max(times))}
            for code, times in gaps.items()
        }
        told_raw = b'"unrecorded":' + msgspec.json.encode(told) + b"," if told else b""
        prev = line_hash(self.lines[-1]) if self.lines else GENESIS
        line = link(len(self.lines), prev, rfc3339(self._clock.now()).encode(), told_raw, body)
        self.lines.append(line)
        return Receipt(len(self.lines) - 1, line_hash(line))


def _fail(waiter: asyncio.Future[Receipt]) -> None:
    if not waiter.done():
        waiter.set_exception(AuditError("the record was not on the disk in time"))
        waiter.exception()
