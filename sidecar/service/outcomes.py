"""Outcomes: what became of a decision, read and reported by the caller that asked for it, and by nobody else."""

import msgspec

from sidecar.core.approval import Approval
from sidecar.core.errors import NotOwed, StoreError
from sidecar.core.model import Caller, Code, Object, Verdict
from sidecar.core.owed import completion
from sidecar.core.record import (
    DecisionRecord,
    OutcomeRecord,
    encode_outcome,
    parse_decision,
)
from sidecar.service.approvals import Approvals
from sidecar.service.asked import Answer, Asked
from sidecar.service.decide import Decider
from sidecar.service.earlier import Earlier
from sidecar.service.halting import Halting
from sidecar.service.outbox import Outbox
from sidecar.service.ports import Clock, DecisionLog, Receipt
from sidecar.service.refusals import refusal
from sidecar.service.state import State

_SCANNED = 1000
_MOST_DIGITS = 18
# libuv counts whole milliseconds from the start of its turn: a timer can fire before its moment by the wall clock.
_TIMER_EARLY = 0.02


class Told(msgspec.Struct, frozen=True):
    """A decision read back: its record, and the answer as it stands now."""

    seq: int
    record: DecisionRecord
    answer: Answer


class Reported(msgspec.Struct, frozen=True):
    """An outcome on record. `is_owed`: the platform, which knows the action, will be told."""

    receipt: Receipt
    is_owed: bool


class Outcomes:
    """Reads of the log, scoped to the caller. Without a platform there is no `outbox`."""

    def __init__(
        self,
        log: DecisionLog,
        decider: Decider,
        approvals: Approvals,
        state: State,
        clock: Clock,
        within: float,
        outbox: Outbox | None = None,
    ) -> None:
        self._outbox = outbox
        self._approvals = approvals
        self._log = log
        self._decider = decider
        self._earlier = Earlier(approvals.book, Halting(state, clock))
        self._state = state
        self._clock = clock
        self._within = within

    async def find(self, decision_id: str, caller: Caller) -> Told | None:
        """The decision of that id if this caller asked for it. It may only have tightened since."""
        seq = _sequence(decision_id)
        return None if seq is None else await self._find(seq, caller)

    async def recorded(self, decision_id: str, caller: Caller) -> DecisionRecord | None:
        """As it was recorded if this caller asked for it, whatever has become of it since; no grant is used."""
        seq = _sequence(decision_id)
        raw = None if seq is None else await self._log.read(seq)
        told = self._tell(raw, caller) if raw is not None else None
        return told.record if told else None

    async def _find(self, seq: int, caller: Caller) -> Told | None:
        raw = await self._log.read(seq)
        told = self._tell(raw, caller) if raw is not None else None
        return None if told is None else await self._followed(told)

    async def settled(self, told: Told, caller: Caller, wait: float) -> Told:
        """A pending decision again, when people have answered, when it ends, or after `wait` seconds."""
        hold = told.answer.hold
        if hold is not None:
            ends_in = max(0.0, hold.expires_at - self._clock.now()) + _TIMER_EARLY
            await self._approvals.resolution(hold.id, min(wait, ends_in))
        return await self._find(told.seq, caller) or told

    async def _followed(self, told: Told) -> Told:
        """What people have made of it: the first read of a granted approval decides again, later ones tell that."""
        approval = self._approvals.book.behind(told.seq)
        if told.answer.decision.verdict is not Verdict.PENDING or approval is None or approval.is_open:
            return told
        if approval.outcome is not None:
            return await self._outcome(told, approval)
        if not approval.is_usable(self._clock.now()):
            reason = "The approval was not used in time."
            return self._refused(told, Code.APPROVAL_EXPIRED, reason)
        if self._approvals.book.is_taken(approval):
            return told  # somebody is using it: what comes of it is told once that is on record
        return await self._used(told, approval)

    async def _used(self, told: Told, approval: Approval) -> Told:
        """Taken at once, because the platform may be asked before it is used; given back if it was not."""
        book, record = self._approvals.book, told.record
        book.take(approval)
        try:
            asked = Asked(approval.request, approval.caller, record.door, record.trace)
            return _instead(told, await self._decider.follow(asked, approval, told.seq))
        finally:
            book.give_back(approval)

    async def _outcome(self, told: Told, approval: Approval) -> Told:
        """One grant is one action: it is told to the decision that waited for it, and to no other."""
        if approval.used_by != told.seq or approval.outcome is None:
            return self._refused(told, Code.APPROVAL_EXPIRED, "Another request has used this approval.")
        raw = await self._log.read(approval.outcome)
        after = self._tell(raw, told.record.caller) if raw is not None else None
        if after is None:
            return self._refused(
                told, Code.APPROVAL_EXPIRED, "What came of this approval is not kept any more."
            )
        return _instead(told, (await self._followed(after)).answer)

    def _refused(self, told: Told, code: Code, reason: str) -> Told:
        decision = refusal(code, reason, self._clock.now(), told.answer.decision)
        return Told(told.seq, told.record, Answer(decision, told.answer.receipt))

    async def newest(self, caller: Caller) -> list[Told]:
        """This caller's decisions among the last thousand records, newest first."""
        told = (self._tell(raw, caller) for raw in await self._log.newest(_SCANNED))
        return [one for one in told if one is not None]

    async def report(
        self, decision_id: str, outcome: str, caller: Caller, details: Object
    ) -> Reported | None:
        """Record what became of an action; None if this caller did not ask for it.

        Raises AuditError if nothing was recorded, and NotOwed if it was, but cannot be kept for the platform.
        """
        told = await self.find(decision_id, caller)
        if told is None:
            return None
        record = OutcomeRecord(told.seq, outcome, caller, self._clock.now(), details)
        receipt = await self._log.append(encode_outcome(record, self._state.masker), self._within)
        return Reported(receipt, await self._owe(await self._last(told), outcome, details))

    async def _last(self, told: Told) -> DecisionRecord:
        """The record of what was decided in the end: where people had to approve, the one that used their grant."""
        approval = self._approvals.book.behind(told.seq)
        if approval is None or approval.outcome is None or approval.used_by != told.seq:
            return told.record
        raw = await self._log.read(approval.outcome)
        return told.record if raw is None else parse_decision(raw)

    async def _owe(self, record: DecisionRecord, outcome: str, details: Object) -> bool:
        """Whether the platform knows the action, and is owed what became of it."""
        item = completion(record, outcome, details, self._clock.now())
        if self._outbox is None or item is None:
            return False
        try:
            await self._outbox.owe(item)
        except StoreError as error:
            raise NotOwed(
                f"It is on record here, but not kept for the platform; say it again: {error}"
            ) from error
        return True

    def _tell(self, raw: Object, caller: Caller) -> Told | None:
        if raw.get("type") != "decision":
            return None
        record = parse_decision(raw)
        if record.caller.key != caller.key:
            return None
        seq, digest = int(raw["seq"]), ""
        answer = Answer(record.decision, Receipt(seq, digest), record.hold)
        current = self._earlier.current(record, answer, self._clock.now())
        return Told(seq, record, Answer(current, answer.receipt, record.hold))


def _instead(told: Told, answer: Answer) -> Told:
    """The same decision, for whoever asked for it, with what came of it."""
    receipt = told.answer.receipt if answer.receipt is not None else None
    return Told(told.seq, told.record, Answer(answer.decision, receipt, answer.hold))


def _sequence(text: str) -> int | None:
    """A decision's id as the number of its record, or None for what cannot be one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None
