"""The committer: records in, one write and one sync for all that come together, receipts out.

1. What is appended in one turn of the loop is gathered. The write waits while the next turns bring more, at most
   three. While a write is under way the next batch gathers, and goes as soon as the writer has answered.
2. When the writer answers, the waiters of the batch get their receipts.
3. A waiter whose deadline passes gets AuditError; if its record lands after all, a record voids it.
4. When a write fails, all that is not durable is forgotten, and everyone is refused until `accept`.

A waiter that was cancelled gets nothing, and its record is not voided: its caller is gone, and the log may hold an
answer that was never given.
"""

import asyncio
import math
from collections.abc import Callable
from errno import EPIPE
from typing import Final, Protocol

import msgspec

from sidecar.adapters.audit_files.ledger import Ledger
from sidecar.adapters.audit_files.recovery import MAX_BATCH
from sidecar.adapters.audit_files.volume import Volume
from sidecar.adapters.audit_files.waiters import Alarm, Pending, Waiter, answer, expire, fail, refused
from sidecar.adapters.audit_files.writer import reason
from sidecar.core.chain import Head, is_body

Request = Callable[[bytes, Callable[[int], None]], None]

_QUIET_TURNS: Final = 3
_MOST_VOIDED: Final = 1000  # in one record
_MOST_GATHERED: Final = 8 * 1024 * 1024
_STALLED: Final = "the disk has not answered in time"


class Events(Protocol):
    """What the committer's owner is told."""

    def durable(self, lines: list[bytes]) -> None:
        """These lines are on the disk."""

    def idle(self) -> None:
        """A write was sent: until it is answered there may be time for other work."""

    def rolls(self) -> None:
        """The next write begins a new segment; all lines before it are durable."""

    def sealed(self, request: bytes) -> None:
        """A segment is full; `request` seals it."""

    def failed(self) -> None:
        """A write failed."""


class Committer:
    """`refusal` says why nothing is accepted at present; "" if all is well. Refuses until `use` and `accept`."""

    def __init__(self, ledger: Ledger, volume: Volume, head: Head, patience: float, events: Events) -> None:
        self._loop: asyncio.AbstractEventLoop
        self._ledger = ledger
        self._volume = volume
        self._head = head
        self._patience = patience
        self._events = events
        self._request: Request = _nobody
        self._gathered: list[Pending] = []
        self._writing: list[Pending] = []
        self._bytes = self._turns = self._seen = 0
        self._is_turning = False
        self._gathered_at = self._writing_from = self._sent_at = 0.0
        self._alarm = Alarm(self._ring)
        self._closed = ""
        self.refusal = "not started"

    @property
    def size(self) -> int:
        """How many records are durable."""
        return self._head.size

    @property
    def is_idle(self) -> bool:
        return not self._writing and not self._gathered

    @property
    def lag(self) -> float:
        """Seconds since the oldest append that is not durable yet."""
        if self.is_idle:
            return 0.0
        return self._loop.time() - (self._writing_from if self._writing else self._gathered_at)

    def append(self, body: bytes, within: float) -> Waiter:
        """One record of a caller. The waiter raises AuditError."""
        if self.refusal:
            return refused(self.refusal)
        if not is_body(body):
            return refused("a record is one JSON object with a member, on one line of at most 31 KiB")
        if self._bytes > _MOST_GATHERED:
            return refused("too much waits for the disk")
        waiter: Waiter = self._loop.create_future()
        self._add(body, waiter, self._loop.time() + within)
        return waiter

    def use(self, request: Request) -> None:
        """Write through this channel from now on."""
        self._loop = asyncio.get_running_loop()
        self._request = request

    def accept(self) -> None:
        """Take what is appended from now on, unless closed."""
        self.refusal = self._closed

    def close(self, why: str) -> None:
        """Take nothing any more; what is under way goes on."""
        self.refusal = self._closed = why

    def record(self, body: bytes) -> Waiter:
        """One of the log's own records: without a deadline, and even while everyone else is refused."""
        waiter: Waiter = self._loop.create_future()
        self._add(body, waiter, math.inf)
        return waiter

    def lose(self, why: str) -> None:
        """Nothing that is under way will be durable."""
        batch, self._writing = self._writing, []
        self._lose(why, batch)

    def _add(self, body: bytes, waiter: Waiter, deadline: float) -> None:
        line, receipt = self._ledger.link(body)
        if not self._gathered:
            self._gathered_at = self._loop.time()
            if not self._writing and not self._is_turning:
                self._is_turning, self._turns, self._seen = True, 0, 0
                self._loop.call_soon(self._turn)
        self._gathered.append((line, receipt, waiter, deadline))
        self._bytes += len(line) + 1
        if deadline < self._alarm.at:
            self._alarm.by(deadline)

    def _turn(self) -> None:
        gathered = len(self._gathered)
        if gathered > self._seen and self._turns < _QUIET_TURNS:
            self._seen = gathered
            self._turns += 1
            self._loop.call_soon(self._turn)
            return
        self._is_turning = False
        if gathered:
            self._send()

    def _send(self) -> None:
        batch = self._take_batch()
        lines = [pending[0] for pending in batch]
        length = sum(map(len, lines)) + len(lines)
        if self._volume.must_roll(length):
            self._events.rolls()
        request = self._volume.write(batch[0][1].seq, lines, length)
        self._writing, self._writing_from, self._sent_at = batch, self._gathered_at, self._loop.time()
        self._alarm.by(self._sent_at + self._patience)
        self._request(request, self._answered)
        self._loop.call_soon(self._events.idle)

    def _take_batch(self) -> list[Pending]:
        batch, self._gathered = self._gathered, []
        if self._bytes > MAX_BATCH:
            ends = 0
            for count, pending in enumerate(batch):
                ends += len(pending[0]) + 1
                if ends > MAX_BATCH:
                    batch, self._gathered = batch[:count], batch[count:]
                    break
        self._bytes = sum(len(pending[0]) + 1 for pending in self._gathered)
        return batch

    def _answered(self, failed: int) -> None:
        batch, self._writing = self._writing, []
        if failed:
            self._lose(reason(failed), batch)
        if failed or not batch:
            return
        last = batch[-1][1]
        self._head = Head(last.seq + 1, last.hash)
        self._ledger.durable(self._head.size)
        sealed = self._volume.written()
        if self.refusal is _STALLED:
            self.refusal = ""
        self._events.durable([pending[0] for pending in batch])
        if self._gathered:
            self._send()
        self._void(answer(batch))
        if sealed:
            self._events.sealed(sealed)

    def _void(self, late: list[int]) -> None:
        for start in range(0, len(late), _MOST_VOIDED):
            voids = late[start : start + _MOST_VOIDED]
            self.record(msgspec.json.encode({"type": "void", "voids": voids}))

    def _lose(self, why: str, batch: list[Pending]) -> None:
        lost = batch + self._gathered
        self._gathered, self._bytes = [], 0
        self.refusal = why
        self._ledger.rewind(self._head)
        for _, _, waiter, _ in lost:
            fail(waiter, why)
        self._events.failed()

    def _ring(self) -> float:
        now = self._loop.time()
        nearest = expire((*self._writing, *self._gathered), now)
        if not self._writing or self.refusal:
            return nearest
        answer_by = self._sent_at + self._patience
        if answer_by <= now:
            self.refusal = _STALLED
            return nearest
        return min(nearest, answer_by)


def _nobody(_request: bytes, done: Callable[[int], None]) -> None:
    done(EPIPE)
