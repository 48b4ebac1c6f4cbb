"""Ballots: what people see of approvals, and who it is that votes: the person behind a uid, or behind a key."""

from collections.abc import Sequence
from typing import Final

import msgspec

from sidecar.core.approval import Approval, Choice, who_may_answer
from sidecar.core.errors import SidecarError
from sidecar.core.model import Request, Risk
from sidecar.core.people import People
from sidecar.core.record import masked_request, parse_decision
from sidecar.core.statement import believe
from sidecar.core.trust import Envelope
from sidecar.service.approvals import Approvals
from sidecar.service.ports import Clock, DecisionLog
from sidecar.service.state import State

_NOBODY: Final = People({})


class UnknownApproval(SidecarError):
    """There is no such approval, or it was resolved more than an hour ago."""


class Nobody(SidecarError):
    """The uid is that of no person who may vote here."""


class Ballot(msgspec.Struct, frozen=True):
    """An approval for people: `request` with its secrets masked as in the log, `change` the number of its newest
    change. `answerable_by` and `risk` are there where one is looked at by itself."""

    approval: Approval
    request: Request
    change: int
    answerable_by: tuple[str, ...] = ()
    risk: Risk | None = None


class Page(msgspec.Struct, frozen=True):
    """Ballots, how many more there are, and the number to ask for news with."""

    ballots: Sequence[Ballot]
    more: int
    changes: int


class Ballots:
    """What the doors for people ask."""

    def __init__(self, approvals: Approvals, state: State, log: DecisionLog, clock: Clock) -> None:
        self._approvals = approvals
        self._state = state
        self._log = log
        self._clock = clock

    def page(self, limit: int, *, only_open: bool) -> Page:
        """Open ones first, each kind by age, with the number of the newest change."""
        found = self._approvals.book.all()
        return self._page(found, limit, only_open, self._approvals.book.changes)

    async def news(self, since: int, limit: int, wait: float, *, only_open: bool) -> Page:
        """What changed after that change, oldest change first; waits up to `wait` seconds until something has."""
        await self._approvals.news(since, wait)
        book = self._approvals.book
        changed = book.changed_since(since)
        newest = book.change_of(changed[limit - 1]) if len(changed) > limit else book.changes
        return self._page(changed[:limit], limit, only_open, newest)

    async def show(self, approval_id: str) -> Ballot:
        """Raises UnknownApproval."""
        approval = self._find(approval_id)
        now, same_uid = self._clock.now(), self._approvals.same_uid
        answerable = who_may_answer(approval, self._people(), now, same_uid=same_uid)
        told = self._ballot(approval)
        return msgspec.structs.replace(told, answerable_by=answerable, risk=await self._risk(approval))

    async def vote_by_uid(self, approval_id: str, uid: int | None, choice: Choice, comment: str) -> None:
        """Raises UnknownApproval, Nobody, VoteRefused, AuditError, StoreError."""
        approval = self._find(approval_id)
        approver = self._people().behind(uid)
        if approver is None:
            raise Nobody(
                f"uid {uid} is no person of data/people.yaml, so it cannot vote: "
                "name it there, or send a signed statement (--key FILE --as NAME)"
            )
        await self._approvals.vote(approval.id, approver, choice, f"uid:{uid}", comment)

    async def vote_by_statement(
        self, approval_id: str, statement: Envelope, choice: Choice, comment: str
    ) -> None:
        """Whoever delivers it. Raises UnknownApproval, StatementRefused, VoteRefused, AuditError, StoreError."""
        approval = self._find(approval_id)
        approver, key = believe(statement, self._people(), approval, choice, self._clock.now())
        await self._approvals.vote(approval.id, approver, choice, f"key:{key.id}", comment)

    def _find(self, approval_id: str) -> Approval:
        """By its id, or by what a caller that joined it follows it by."""
        approval = self._approvals.book.get(approval_id.partition(".")[0])
        if approval is None or approval.decision < 0:
            raise UnknownApproval(
                f"there is no approval {approval_id}; they are kept for an hour after their end"
            )
        return approval

    def _people(self) -> People:
        bundle = self._state.snapshot.bundle
        return bundle.people if bundle else _NOBODY

    def _page(self, found: Sequence[Approval], limit: int, only_open: bool, changes: int) -> Page:
        wanted = [one for one in found if one.is_open or not only_open]
        return Page([self._ballot(one) for one in wanted[:limit]], max(0, len(wanted) - limit), changes)

    def _ballot(self, approval: Approval) -> Ballot:
        request = masked_request(approval.request, self._state.masker)
        return Ballot(approval, request, self._approvals.book.change_of(approval))

    async def _risk(self, approval: Approval) -> Risk | None:
        """As the decision that held has it; None where its record is not kept any more."""
        raw = await self._log.read(approval.decision)
        return parse_decision(raw).decision.risk if raw is not None else None
