"""One decision, start to end: judge, record, answer.

1. Admit the request, or answer deny `overloaded`.
2. Read the snapshot and the clock, and judge. Nothing is awaited between here and 3.
3. Hand the record to the log, which numbers it.
4. Wait until it is durable; if it is not in time, the answer is deny `audit_unavailable`.
5. If a halt has come into force meanwhile that hits the request, go back to 2: nothing is allowed after it.
6. Open, join or spend the approval that people have to do with it, after which 5 counts once more; count.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from sidecar.core.approval import Approval
from sidecar.core.delegation import PARENT, Delegated, standing
from sidecar.core.errors import AuditError, Overloaded, StoreError
from sidecar.core.judge import judge
from sidecar.core.model import Code, Decision, Verdict
from sidecar.core.record import (
    EventRecord,
    encode_decision,
    encode_record,
)
from sidecar.core.scoring import Facts
from sidecar.service.admission import Admission
from sidecar.service.approvals import Approvals
from sidecar.service.asked import Answer, Asked, Begun, record_of
from sidecar.service.consult import Consultation, Consulted
from sidecar.service.earlier import Earlier
from sidecar.service.halting import Halting
from sidecar.service.inquiry import Inquiry, Patience
from sidecar.service.killswitch.roster import Roster
from sidecar.service.orchestration import Orchestration
from sidecar.service.ports import Clock, DecisionLog, Metrics
from sidecar.service.refusals import refusal, stricter
from sidecar.service.scoring import Scoring
from sidecar.service.state import State

_ASKED_AT_MOST = 2
_ASKED_AT_ONCE = 16
_logger = logging.getLogger(__name__)


class Decider:
    """The decision point that every door asks."""

    def __init__(
        self,
        state: State,
        log: DecisionLog,
        clock: Clock,
        metrics: Metrics,
        approvals: Approvals,
        scoring: Scoring,
        orchestration: Orchestration,
        admission: Admission,
        within: float,
        answered: Callable[[Asked, Decision, int], None] | None = None,
        roster: Roster | None = None,
    ) -> None:
        """`answered` is told of each decision with the number of its record, once that is durable.

        `roster` is there where halts of agents must be asked for one by one.
        """
        self._roster = roster
        self._answered = answered
        self._state = state
        self._log = log
        self._clock = clock
        self._metrics = metrics
        self._halting = Halting(state, clock)
        self._earlier = Earlier(approvals.book, self._halting)
        self._orchestration = orchestration
        self._inquiry = Inquiry(state, clock, approvals.book, scoring, orchestration)
        self._consultation = Consultation(approvals)
        self._admission = admission
        self._within = within

    async def decide(self, asked: Asked, within: float | None = None, first: Answer | None = None) -> Answer:
        """The answer to one request, durable unless its code says otherwise. Never raises but on cancellation.

        `within` (seconds) is the caller's patience, for the platform and the log together, where it is shorter than
        their own deadlines; `first` the answer that this one repeats: it can only tighten.
        """
        caller = asked.caller.key
        try:
            self._admission.enter(caller)
        except Overloaded as error:
            return self._unrecorded(asked, Code.OVERLOADED, str(error))
        try:
            return await self.settle(await self._prepared(asked, within, first))
        finally:
            self._admission.leave(caller)

    async def _prepared(self, asked: Asked, within: float | None, first: Answer | None) -> Begun:
        """Judged with what the platform says, where the policy asks it: as of the policy that asked."""
        if self._inquiry.loops_back(asked):
            reason = "This request has been here before: the platform's address leads back to this daemon."
            loop = refusal(Code.PLATFORM_LOOP, reason, self._clock.now())
            return self._begin(asked, within, lambda: (loop, None), first)
        if PARENT in asked.request.context:
            asked = await self._inquiry.placed(asked)
        if self._roster is not None and (lacking := self._roster.lacking(asked)):
            within = await self._introduced(self._roster, lacking, within)
        if not self._inquiry.asks_platform:
            return self.begin(asked, within, first)
        patience = Patience(within, self._within, self._clock.monotonic)
        for _ in range(_ASKED_AT_MOST):
            bundle, facts = (
                self._state.snapshot.bundle,
                await self._inquiry.facts(asked, patience.for_platform()),
            )
            if self._state.snapshot.bundle is bundle:
                return self.begin(asked, patience.left(), first, facts)
        reason = "The policy changed while the platform was asked; ask again."
        changed = refusal(Code.POLICY_CHANGED, reason, self._clock.now())
        return self._begin(asked, patience.left(), lambda: (changed, None), first)

    async def _introduced(self, roster: Roster, lacking: Sequence[str], within: float | None) -> float | None:
        """What is left of the caller's patience once these agents are read, or are known to be blind."""
        patience = Patience(within, self._within, self._clock.monotonic)
        await roster.read(lacking, patience.for_platform())
        return patience.left()

    async def decide_all(
        self, batch: list[Asked], until: frozenset[Verdict], within: float | None = None
    ) -> list[Answer]:
        """Answers in order, the last being the first whose verdict is in `until`; all when none is.

        `within`: seconds of the caller's patience for all of them. Every item is judged before the first record is
        awaited, so that one sync serves the batch.
        """
        if not batch:
            return []
        caller = batch[0].caller.key
        try:
            self._admission.enter(caller)
        except Overloaded as error:
            return [self._unrecorded(asked, Code.OVERLOADED, str(error)) for asked in batch]
        try:
            return await self._decide_each(batch, until, within)
        finally:
            self._admission.leave(caller)

    async def _decide_each(
        self, batch: list[Asked], until: frozenset[Verdict], within: float | None
    ) -> list[Answer]:
        patience = Patience(within, self._within, self._clock.monotonic)
        begun: list[Begun] = []
        if not until and (self._inquiry.asks_platform or self._roster is not None):
            begun, batch = await self._prepared_at_once(batch, patience), []
        for asked in batch:
            begun.append(await self._prepared(asked, patience.left(), None))
            if begun[-1].decision.verdict in until:
                break
        answers = [await self.settle(one) for one in begun]
        # A record that failed turned its answer into a deny, which may be where the batch ends now.
        ends = (index for index, answer in enumerate(answers, 1) if answer.decision.verdict in until)
        return answers[: next(ends, len(answers))]

    async def _prepared_at_once(self, batch: list[Asked], patience: Patience) -> list[Begun]:
        """In order. None depends on another, so the platform is asked about several at a time."""
        turn = asyncio.Semaphore(_ASKED_AT_ONCE)

        async def one(asked: Asked) -> Begun:
            async with turn:
                return await self._prepared(asked, patience.left(), None)

        return await asyncio.gather(*(one(asked) for asked in batch))

    def begin(
        self,
        asked: Asked,
        within: float | None = None,
        first: Answer | None = None,
        facts: Facts = None,
    ) -> Begun:
        """Judge and hand the record to the log; the arguments are those of `decide`, and what the platform says."""
        return self._begin(asked, within, lambda: self._judge(asked, first, facts), first, facts)

    async def follow(self, asked: Asked, approval: Approval, by: int) -> Answer:
        """The answer to the decision `by`, which waited, now that its approval is granted: decided again."""
        asked = await self._inquiry.placed(asked)
        if self._roster is not None and (lacking := self._roster.lacking(asked)):
            await self._introduced(self._roster, lacking, None)
        facts = await self._inquiry.facts(asked, None, approval) if self._inquiry.asks_platform else None

        def use() -> tuple[Decision, Consulted | None]:
            now = self._clock.now()
            consulted = self._consultation.use(self._state.snapshot, approval, now, by, facts, asked.kin)
            return consulted.decision, consulted

        return await self.settle(self._begin(asked, None, use, None, facts))

    def _begin(
        self,
        asked: Asked,
        within: float | None,
        judge_: Callable[[], tuple[Decision, Consulted | None]],
        first: Answer | None,
        facts: Facts = None,
    ) -> Begun:
        started = self._clock.monotonic()
        patience = self._within if within is None else min(within, self._within)
        consulted: Consulted | None = None
        delegated: Delegated | None = None
        halts = self._halting.halts
        try:
            decision, consulted = judge_()
            delegated = standing(asked.request.context, asked.kin)
            record = record_of(asked, decision, consulted, first, facts, delegated)
            body = encode_decision(record, self._state.masker)
        except Exception:
            _logger.exception("deny internal_error for request %s", asked.trace.request_id or "without an id")
            if consulted is not None:
                consulted.undo()
            decision, consulted = refusal(Code.INTERNAL_ERROR, "The daemon failed.", self._clock.now()), None
            body = encode_record(EventRecord("internal_error", decision.now, {"door": asked.door}))
        hold = consulted.hold if consulted else None
        is_new = first is None and not (consulted and consulted.approval)
        durable = self._log.append(body, patience)

        def again(before: Answer) -> Begun:
            return self._begin(asked, within, judge_, before, facts)

        return Begun(asked, decision, hold, consulted, durable, started, halts, again, delegated, is_new)

    def _judge(self, asked: Asked, first: Answer | None, facts: Facts) -> tuple[Decision, Consulted | None]:
        snapshot, now = self._state.snapshot, self._clock.now()
        decision = judge(snapshot, asked.request, asked.caller, now, facts=facts, kin=asked.kin)
        consulted: Consulted | None = None
        if decision.verdict is Verdict.PENDING:
            consulted = self._consultation.consult(
                snapshot, asked.request, asked.caller, decision, facts, asked.kin
            )
            decision = consulted.decision
        if first is not None and not (consulted and consulted.granted):
            tightened = stricter(decision, self._earlier.as_of(first, now))
            if consulted and tightened is not decision:
                consulted.undo()
                consulted = None
            decision = tightened
        return decision, consulted

    async def settle(self, begun: Begun) -> Answer:
        """Wait for the record, then do what it entails for approvals, and count."""
        try:
            receipt = await begun.durable
            if self._is_halted_since(begun):
                if begun.consulted is not None:
                    begun.consulted.undo()
                begun = begun.again(Answer(begun.decision, receipt, begun.hold))
                receipt = await begun.durable
            consulted = begun.consulted
            if consulted is not None and consulted.then is not None:
                await consulted.then(receipt.seq)
                is_allow = begun.decision.verdict is Verdict.ALLOW
                if is_allow and self._is_halted_since(begun):  # while the use of a grant was stored
                    first = Answer(begun.decision, receipt, begun.hold)
                    return await self.settle(self.begin(begun.asked, None, first))
        except (AuditError, StoreError) as error:
            if begun.consulted is not None:
                begun.consulted.undo()
            return self._unrecorded(begun.asked, Code.AUDIT_UNAVAILABLE, str(error))
        if begun.delegated is not None:
            self._orchestration.saw(
                begun.asked.request,
                begun.asked.caller,
                begun.decision,
                begun.delegated,
                receipt.seq,
                is_new=begun.is_new,
            )
        if self._answered is not None:
            self._answered(begun.asked, begun.decision, receipt.seq)
        self._metrics.decided(begun.decision, begun.asked.door, self._clock.monotonic() - begun.started)
        if _logger.isEnabledFor(logging.DEBUG):
            _logger.debug("decision %d: %s %s", receipt.seq, begun.decision.verdict.word, begun.decision.code)
        return Answer(begun.decision, receipt, begun.hold)

    def _is_halted_since(self, begun: Begun) -> bool:
        """Whether a halt has overtaken the record on its way to the disk, or the others of a batch."""
        if begun.halts is self._halting.halts or begun.decision.verdict is Verdict.DENY:
            return False
        return self._halting.of(begun.asked.request, begun.asked.kin) is not None

    def _unrecorded(self, asked: Asked, code: Code, why: str) -> Answer:
        now = self._clock.now()
        self._log.unrecorded(code, now)
        self._metrics.unrecorded(code, asked.door)
        _logger.warning("answered deny %s without a record: %s", code, why)
        return Answer(refusal(code, _REASONS[code], now))


_REASONS = {
    Code.OVERLOADED: "Too many requests are at work; nothing was decided.",
    Code.AUDIT_UNAVAILABLE: "The decision could not be recorded in time.",
}
