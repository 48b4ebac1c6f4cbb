"""Shadow: a candidate bundle judges what was answered, after it was answered, and is never enforced.

Each answered decision goes into a bounded queue; what the queue has no room for is counted and not compared. Where
the candidate would have given another verdict, that is counted and recorded, at most so many times a second.
"""

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from typing import Final

from sidecar.core.errors import AuditError
from sidecar.core.judge import judge
from sidecar.core.model import Code, Decision, Object
from sidecar.core.record import EventRecord, encode_record
from sidecar.core.snapshot import Snapshot
from sidecar.service.asked import Asked
from sidecar.service.candidates import Candidate, Candidates
from sidecar.service.ports import Clock, DecisionLog, Metrics

_log = logging.getLogger(__name__)
# Said whatever the bundle is, so there is nothing to compare.
_WHATEVER_THE_BUNDLE: Final = frozenset({Code.HALTED, Code.KILL_SWITCH_BLIND})
_ROOM: Final = 1024
_AT_ONCE: Final = 8
_RECORDS_A_SECOND: Final = 10
_PAUSE: Final = 0.02


@dataclass(frozen=True, slots=True)
class Answered:
    """A decision that was given, with the number of its record."""

    asked: Asked
    decision: Decision
    seq: int


class Shadow:
    """Compares what was answered with what the candidate says. `compared` and `differing` are of one candidate."""

    def __init__(
        self, candidates: Candidates, log: DecisionLog, clock: Clock, metrics: Metrics, within: float
    ) -> None:
        self.compared = 0
        self.differing = 0
        self.candidates = candidates
        self._log = log
        self._clock = clock
        self._metrics = metrics
        self._within = within
        self._queue: deque[Answered] = deque()
        self._counted_for: Candidate | None = None
        self._unrecorded = 0
        self._second = (0, 0)

    def saw(self, asked: Asked, decision: Decision, seq: int) -> None:
        """Take note of an answer. Costs an append."""
        if self.candidates.current is None or decision.code in _WHATEVER_THE_BUNDLE:
            return
        if len(self._queue) >= _ROOM:
            self._metrics.shadow_dropped()
        else:
            self._queue.append(Answered(asked, decision, seq))

    async def run(self) -> None:
        """Judge what was answered until cancelled; a few at a time, because answers go first."""
        while True:
            await asyncio.sleep(0 if self._queue else _PAUSE)
            await self.compare(_AT_ONCE)

    async def compare(self, at_most: int) -> None:
        """Judge so many of the answers that wait."""
        for _ in range(min(at_most, len(self._queue))):
            answered, candidate = self._queue.popleft(), self.candidates.current
            if candidate is not None:
                await self._judge(answered, candidate)

    async def _judge(self, answered: Answered, candidate: Candidate) -> None:
        if candidate is not self._counted_for:
            self._counted_for, self.compared, self.differing = candidate, 0, 0
        asked, decided = answered.asked, answered.decision
        other = judge(Snapshot(candidate.bundle), asked.request, asked.caller, decided.now, kin=asked.kin)
        self.compared += 1
        self._metrics.shadowed(decided.verdict, other.verdict)
        if other.verdict is not decided.verdict:
            self.differing += 1
            await self._record(answered, other)

    async def _record(self, answered: Answered, other: Decision) -> None:
        if not self._may_record():
            self._unrecorded += 1
            return
        details: Object = {
            "decision": answered.seq,
            "verdict": answered.decision.verdict.word,
            "candidate": {
                "revision": other.revision,
                "verdict": other.verdict.word,
                "code": other.code,
                "rules": other.rules,
            },
        }
        if self._unrecorded:
            details["not_recorded_before"], self._unrecorded = self._unrecorded, 0
        record = EventRecord("shadow_difference", self._clock.now(), details)
        try:
            await self._log.append(encode_record(record), self._within)
        except AuditError as error:
            _log.warning("a difference of the candidate is not recorded: %s", error)

    def _may_record(self) -> bool:
        second = int(self._clock.monotonic())
        begun, count = self._second
        self._second = (second, count + 1 if begun == second else 1)
        return self._second[1] <= _RECORDS_A_SECOND
