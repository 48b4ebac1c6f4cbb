"""Outcomes: what became of a decision, read and reported by the caller that asked for it, and by nobody else."""

import asyncio

import msgspec

from sidecar.core.model import Caller, Object
from sidecar.core.record import (
    DecisionRecord,
    OutcomeRecord,
    encode_outcome,
    parse_decision,
)
from sidecar.service.decide import Answer, Decider
from sidecar.service.ports import Clock, DecisionLog, Receipt
from sidecar.service.state import State

_SCANNED = 1000
_MOST_DIGITS = 18


class Told(msgspec.Struct, frozen=True):
    """A decision read back: its record, and the answer as it stands now."""

    seq: int
    record: DecisionRecord
    answer: Answer


class Outcomes:
    """Reads of the log, scoped to the caller."""

    def __init__(self, log: DecisionLog, decider: Decider, state: State, clock: Clock, within: float) -> None:
        self._log = log
        self._decider = decider
        self._state = state
        self._clock = clock
        self._within = within

    async def find(self, decision_id: str, caller: Caller) -> Told | None:
        """The decision of that id if this caller asked for it. It may only have tightened since."""
        seq = _sequence(decision_id)
        return None if seq is None else await self._find(seq, caller)

    async def _find(self, seq: int, caller: Caller) -> Told | None:
        raw = await self._log.read(seq)
        return self._tell(raw, caller) if raw is not None else None

    async def settled(self, told: Told, caller: Caller, wait: float) -> Told:
        """A pending decision again, when its hold ends or after `wait` seconds."""
        hold = told.answer.hold
        left = hold.expires_at - self._clock.now() if hold else 0.0
        await asyncio.sleep(max(0.0, min(wait, left)))
        return await self._find(told.seq, caller) or told

    async def newest(self, caller: Caller) -> list[Told]:
        """This caller's decisions among the last thousand records, newest first."""
        told = (self._tell(raw, caller) for raw in await self._log.newest(_SCANNED))
        return [one for one in told if one is not None]

    async def report(self, decision_id: str, outcome: str, caller: Caller, details: Object) -> Receipt | None:
        """Record what became of an action; None if this caller did not ask for it. Raises AuditError."""
        told = await self.find(decision_id, caller)
        if told is None:
            return None
        record = OutcomeRecord(told.seq, outcome, caller, self._clock.now(), details)
        return await self._log.append(encode_outcome(record, self._state.masker), self._within)

    def _tell(self, raw: Object, caller: Caller) -> Told | None:
        if raw.get("type") != "decision":
            return None
        record = parse_decision(raw)
        if record.caller.key != caller.key:
            return None
        seq, digest = int(raw["seq"]), ""
        answer = Answer(record.decision, Receipt(seq, digest), record.hold)
        current = self._decider.current(answer, self._clock.now())
        return Told(seq, record, Answer(current, answer.receipt, record.hold))


def _sequence(text: str) -> int | None:
    """A decision's id as the number of its record, or None for what cannot be one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None
