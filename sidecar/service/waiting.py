"""Waiting: what callers of the ASCEND dialect are told while people are asked.

Its SDK follows an approval by an id of its own and runs the action once that is approved, without asking again; and
one that fails open takes its own timeout for a yes. One grant is one action, so each decision that waits has an id to
follow: the one that opened the approval has the approval's, one that joined it has its own number behind that.
"""

import msgspec

from sidecar.core.approval import Approval
from sidecar.core.model import Caller, Code, Verdict
from sidecar.service.approval_book import ApprovalBook
from sidecar.service.asked import Answer
from sidecar.service.outcomes import Outcomes, Told
from sidecar.service.ports import Clock
from sidecar.service.refusals import refusal


class Followed(msgspec.Struct, frozen=True):
    """An approval, and what became of the decision that waits for it."""

    approval: Approval
    told: Told


class Waiting:
    """`answer_after`: seconds from a submit on after which a poll of a hold is answered no; 0 is never."""

    def __init__(self, outcomes: Outcomes, book: ApprovalBook, clock: Clock, answer_after: float) -> None:
        self._outcomes = outcomes
        self._book = book
        self._clock = clock
        self._answer_after = answer_after

    def request_id(self, answer: Answer) -> str:
        """What a caller follows this hold by; "" where nothing is held."""
        if answer.hold is None or answer.receipt is None:
            return ""
        approval = self._book.get(answer.hold.id)
        is_first = approval is None or approval.decision == answer.receipt.seq
        return answer.hold.id if is_first else f"{answer.hold.id}.{answer.receipt.seq}"

    def behind(self, told: Told) -> Approval | None:
        """The approval that this decision waits for, or waited for."""
        return self._book.behind(told.seq)

    async def follow(self, request_id: str, caller: Caller) -> Followed | None:
        """None for what this caller did not ask for. To be told of a grant is to use it: it is decided again."""
        approval_id, _, number = request_id.partition(".")
        approval = self._book.get(approval_id)
        if approval is None or approval.caller.key != caller.key:
            return None
        told = await self._outcomes.find(number or str(approval.decision), caller)
        return Followed(approval, told) if told else None

    def in_time(self, told: Told) -> Told:
        """The answer to a poll, which is no while the caller still listens. The approval stays open."""
        decision, now = told.answer.decision, self._clock.now()
        if decision.verdict is not Verdict.PENDING or not self._is_over(told, now):
            return told
        reason = "Nobody has approved this action yet. The approval stays open: submit the same action again later."
        refused = refusal(Code.APPROVAL_WAITING, reason, now, decision)
        return msgspec.structs.replace(told, answer=Answer(refused, told.answer.receipt, told.answer.hold))

    def _is_over(self, told: Told, now: float) -> bool:
        return self._answer_after > 0 and now >= told.record.decision.now + self._answer_after
