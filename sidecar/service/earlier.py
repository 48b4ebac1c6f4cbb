"""Earlier: what an answer that was given before is worth now.

An allow runs out, a hold ends with its approval, and either is a deny for as long as a halt hits its request. So an
answer can only have tightened since it was given, or since a halt was released.
"""

from sidecar.core.approval import Approval, Standing
from sidecar.core.model import Code, Decision, Verdict
from sidecar.core.record import DecisionRecord
from sidecar.service.approval_book import ApprovalBook
from sidecar.service.asked import Answer
from sidecar.service.halting import Halting
from sidecar.service.refusals import refusal


class Earlier:
    """Every read of a decision, and every repeat of one, comes by here."""

    def __init__(self, book: ApprovalBook, halting: Halting) -> None:
        self._book = book
        self._halting = halting

    def current(self, record: DecisionRecord, answer: Answer, now: float) -> Decision:
        """The decision as it is now. One that ran out stays what it was: it is no allow that a halt could end."""
        decision = self.as_of(answer, now)
        if decision.verdict is Verdict.DENY:
            return decision
        objection = self._halting.of_record(record)
        return decision if objection is None else refusal(objection.code, objection.reason, now, decision)

    def as_of(self, answer: Answer, now: float) -> Decision:
        """The same but for the halts, of which a new judgement has just heard.

        A hold whose approval was granted stays one here: what came of it is `follow`'s to say.
        """
        decision = answer.decision
        if decision.verdict is Verdict.ALLOW and now >= decision.expires_at:
            return refusal(Code.EXPIRED, "This decision may no longer be used; ask again.", now, decision)
        if decision.verdict is Verdict.PENDING:
            approval = self._book.behind(answer.receipt.seq) if answer.receipt else None
            return self._as_held(decision, approval, now)
        return decision

    def _as_held(self, decision: Decision, approval: Approval | None, now: float) -> Decision:
        if approval is None:
            return refusal(Code.APPROVAL_EXPIRED, _NOBODY, now, decision)
        if because := self._book.why_halted(approval):
            return refusal(Code.HALTED, because, now, decision)
        if approval.standing is Standing.DENIED:
            who = approval.votes[-1].person
            return refusal(Code.APPROVAL_DENIED, f"{who} did not approve this action.", now, decision)
        if approval.standing is Standing.GRANTED or now < approval.ends_at:
            return decision
        return refusal(Code.APPROVAL_EXPIRED, _NOBODY, now, decision)


_NOBODY = "Nobody approved this action in time."
