"""Consulting: what approvals there are say of a decision that holds.

1. Nobody was asked yet: an approval is opened, once the decision is on record.
2. It is open already: the decision joins it.
3. It was granted and not used: the request is judged again with the approved holds counted as met. A new hold opens a
   new approval, which remembers what was met; a deny wins.

What is found here is taken out of the book at once, so that no two decisions use one grant.
"""

from collections.abc import Awaitable, Callable

import msgspec

from sidecar.core.approval import Approval
from sidecar.core.delegation import Kin
from sidecar.core.digest import request_digest
from sidecar.core.judge import judge
from sidecar.core.model import Caller, Code, Decision, Request, Verdict
from sidecar.core.record import Hold
from sidecar.core.scoring import Facts
from sidecar.core.snapshot import Snapshot
from sidecar.service.approval_book import Key
from sidecar.service.approvals import Approvals, hold_of
from sidecar.service.refusals import refusal

_VOLATILE: frozenset[str] = frozenset()


class Consulted(msgspec.Struct, frozen=True):
    """The decision with what people have to do with it.

    `then` is to be awaited with the number of its record before the answer leaves; `undo` is called if there is no
    record. `approval` and `granted` are those of a grant that it was made with.
    """

    decision: Decision
    hold: Hold | None = None
    approval: str = ""
    granted: tuple[str, ...] = ()
    then: Callable[[int], Awaitable[None]] | None = None
    undo: Callable[[], None] = lambda: None


class Consultation:
    """Looks held decisions up in the book of approvals."""

    def __init__(self, approvals: Approvals) -> None:
        self._approvals = approvals

    def consult(
        self,
        snapshot: Snapshot,
        request: Request,
        caller: Caller,
        decision: Decision,
        facts: Facts = None,
        kin: Kin = None,
    ) -> Consulted:
        """What becomes of a decision that holds; `facts` and `kin` are those that it was judged with."""
        key, now = request_key(snapshot, request, caller), decision.now
        approval = self._approvals.book.waiting_for(key, now)
        if approval is None:
            return self._ask(key, request, caller, decision, facts, kin)
        if approval.is_open:
            return Consulted(
                decision, hold_of(approval), then=lambda seq: self._approvals.join(approval, seq)
            )
        consulted = self.use(snapshot, approval, now, facts=facts, kin=kin)
        if consulted.decision.verdict is Verdict.DENY:
            consulted.undo()  # the grant stays for another try within its time
            return Consulted(consulted.decision)
        return consulted

    def use(
        self,
        snapshot: Snapshot,
        approval: Approval,
        now: float,
        by: int | None = None,
        facts: Facts = None,
        kin: Kin = None,
    ) -> Consulted:
        """Judge the request of a granted approval with it. `by` is the decision that waited, None for a new one."""
        book, approvals = self._approvals.book, self._approvals
        decision = judge(
            snapshot,
            approval.request,
            approval.caller,
            now,
            granted=approval.granted,
            facts=facts,
            kin=kin,
        )
        book.take(approval)
        granted = tuple(sorted(approval.granted))
        if decision.verdict is not Verdict.PENDING:

            async def spend(seq: int) -> None:
                await approvals.spend(approval, seq if by is None else by, seq)

            return Consulted(decision, None, approval.id, granted, spend, lambda: book.give_back(approval))
        key = (approval.caller.key, approval.digest)
        draft = approvals.draft(
            key, approval.request, approval.caller, decision, approval.granted, facts, approval.lineage
        )

        async def go_on(seq: int) -> None:
            await approvals.spend(approval, seq if by is None else by, seq)
            await approvals.open(draft, seq)

        def undo() -> None:
            book.strike(draft)
            book.give_back(approval)

        return Consulted(decision, hold_of(draft), approval.id, granted, go_on, undo)

    def _ask(
        self, key: Key, request: Request, caller: Caller, decision: Decision, facts: Facts, kin: Kin
    ) -> Consulted:
        approvals = self._approvals
        if approvals.is_full:
            reason = "Too many actions wait for approval already."
            return Consulted(refusal(Code.OVERLOADED, reason, decision.now))
        draft = approvals.draft(key, request, caller, decision, facts=facts, kin=kin)
        return Consulted(
            decision,
            hold_of(draft),
            then=lambda seq: approvals.open(draft, seq),
            undo=lambda: approvals.book.strike(draft),
        )


def request_key(snapshot: Snapshot, request: Request, caller: Caller) -> Key:
    """What the approvals of this request are found by."""
    bundle = snapshot.bundle
    volatile = frozenset(bundle.policies.defaults.volatile) if bundle else _VOLATILE
    return caller.key, request_digest(request, caller, volatile)
