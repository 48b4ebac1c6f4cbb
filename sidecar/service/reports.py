"""Reports: decisions that the platform is told of afterwards, read from the decision log.

The log is what keeps them: how far it was read is stored with what is owed, and what lies behind that when the daemon
ends is read at the next start. Always told of is an action that was let through while the platform did not answer.
"""

import asyncio
import logging
from collections import deque
from typing import Final

import msgspec

from sidecar.core.errors import AuditError, StoreError
from sidecar.core.model import Decision, Object
from sidecar.core.owed import Owed, proceeded_open, report
from sidecar.core.record import parse_decision
from sidecar.service.asked import Asked
from sidecar.service.outbox import Outbox
from sidecar.service.ports import Clock, DecisionLog

_log = logging.getLogger(__name__)
_LOOK_EVERY: Final = 0.25
_RETRY_AFTER: Final = 5.0
_MARK_EVERY: Final = 5.0
_AT_ONCE: Final = 256
_ROOM: Final = 4096


class Reports:
    """`is_all`: every decision is told of. `name` tells our log from every other one."""

    def __init__(
        self, outbox: Outbox, log: DecisionLog, clock: Clock, name: str, *, is_all: bool = False
    ) -> None:
        self._outbox = outbox
        self._log = log
        self._clock = clock
        self._name = name
        self._is_all = is_all
        self._seen: deque[int] = deque()
        self._is_behind = True
        self._sample = (0.0, -1)

    def saw(self, _asked: Asked, decision: Decision, seq: int) -> None:
        """Take note of an answer. Costs an append."""
        if not (self._is_all or proceeded_open(decision)):
            return
        if len(self._seen) >= _ROOM:
            self._is_behind = True
        else:
            self._seen.append(seq)

    async def run(self) -> None:
        """Until cancelled."""
        pause = _LOOK_EVERY
        while True:
            await asyncio.sleep(pause)
            pause = _LOOK_EVERY if await self.look() else _RETRY_AFTER

    async def look(self) -> bool:
        """Owe what was seen since the last look. False if it has to wait, because a disk fails."""
        try:
            await self._catch_up()
        except (StoreError, AuditError) as error:
            _log.warning("decisions are not yet owed to the platform: %s", error)
            self._is_behind = True
            return False
        return True

    async def _catch_up(self) -> None:
        newest, now = self._log.status().size - 1, self._clock.monotonic()
        if self._is_behind:
            await self._read_on(newest)
        while self._seen:
            numbers = [self._seen.popleft() for _ in range(min(_AT_ONCE, len(self._seen)))]
            await self._owe({seq: await self._log.read(seq) for seq in numbers}, None)
        await self._mark(newest, now)

    async def _read_on(self, newest: int) -> None:
        """All records behind the last mark, oldest first; what is void was never given."""
        self._seen.clear()
        start = self._outbox.through + 1
        for first in range(start, newest + 1, _AT_ONCE):
            last = min(first + _AT_ONCE - 1, newest)
            await self._owe({seq: await self._log.read(seq) for seq in range(first, last + 1)}, last)
        self._is_behind = False

    async def _owe(self, records: dict[int, Object | None], through: int | None) -> None:
        voided = {seq for raw in records.values() for seq in (raw or {}).get("voids", ())}
        items = [
            item
            for seq, raw in records.items()
            if raw is not None and seq not in voided and (item := self._item(seq, raw)) is not None
        ]
        await self._outbox.owe(*items, through=through)

    def _item(self, seq: int, raw: Object) -> Owed | None:
        if raw.get("type") != "decision":
            return None
        try:
            record = parse_decision(raw)
        except msgspec.ValidationError as error:
            _log.warning("record %d is not one that can be told of: %s", seq, error)
            return None
        if not (self._is_all or proceeded_open(record.decision)):
            return None
        return report(record, seq, self._name, self._clock.now())

    async def _mark(self, newest: int, now: float) -> None:
        """Store how far all is owed: up to what was newest some seconds ago, because answers overtake each other."""
        taken_at, taken = self._sample
        if now - taken_at < _MARK_EVERY:
            return
        if taken > self._outbox.through:
            await self._outbox.owe(through=taken)
        self._sample = (now, newest)
