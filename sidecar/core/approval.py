"""Approvals: stages, quorum, deadlines and escalation, as a state machine of frozen values.

An approval answers the holds of one decision, each named: `rule:ID` for an approve rule, else the control that held.
It is bound to the request's digest, and to who asked. Stage after stage, `quorum` different persons of the stage's
approvers must approve within `within` seconds; at the end of that time `escalate` opens the stage to more approvers
for the same time once more; then the approval has expired. One deny ends it. What was granted may be used once,
within ten minutes.

A hold of the platform's can be met by its own people too, see core/hearing.py; where nobody here may answer it, by
them alone: then the approval waits, after its last stage, until the platform's deadline.

A halt that hits the request ends what is open, or granted and not used.
"""

from enum import StrEnum
from typing import Final

import msgspec

from sidecar.core.delegation import Lineage
from sidecar.core.errors import SidecarError
from sidecar.core.model import Caller, Control, Decision, Request, Stage, Verdict
from sidecar.core.people import Approver, People
from sidecar.core.platform_hold import PlatformHold
from sidecar.core.policy.values import GRANTED_RULE

USABLE_FOR: Final = 600.0
_MOST_JOINED: Final = 64


class Standing(StrEnum):
    """Where an approval stands. All but `open` are final."""

    OPEN = "open"
    GRANTED = "granted"
    DENIED = "denied"
    EXPIRED = "expired"
    HALTED = "halted"


class Choice(StrEnum):
    """What a person says."""

    APPROVE = "approve"
    DENY = "deny"


class Vote(msgspec.Struct, frozen=True, omit_defaults=True):
    """`stage` counts from 0; `at` in epoch seconds; `by` is how the person was known: a uid or a key."""

    person: str
    choice: Choice
    stage: int
    at: float
    by: str
    comment: str = ""


class Approval(msgspec.Struct, frozen=True, omit_defaults=True):
    """Times in epoch seconds. `decision` is the number of the record that held; `joined` of those that held for the
    same request while it was open.

    `met` are holds that earlier approvals of the same request have granted. `stage` is the index of the stage that
    is open since `since`; it is past the last one while only the `platform` is waited for. `used_at` is when a grant
    was used, 0 if it was not, `used_by` the decision that waited for it, and `outcome` the decision that was made
    with it. `lineage` is who is above the request, and `halted_because` why a halt has ended it.
    """

    id: str
    decision: int
    digest: str
    caller: Caller
    request: Request
    holds: tuple[str, ...]
    stages: tuple[Stage, ...]
    opened_at: float
    since: float
    revision: str = ""
    reason: str = ""
    met: tuple[str, ...] = ()
    stage: int = 0
    escalated: bool = False
    votes: tuple[Vote, ...] = ()
    standing: Standing = Standing.OPEN
    resolved_at: float = 0.0
    used_at: float = 0.0
    used_by: int | None = None
    outcome: int | None = None
    joined: tuple[int, ...] = ()
    platform: PlatformHold | None = None
    lineage: Lineage | None = None
    halted_because: str = ""

    @property
    def is_open(self) -> bool:
        return self.standing is Standing.OPEN

    @property
    def due(self) -> float:
        """When the open stage escalates, or the approval expires."""
        if (stage := self.open_stage) is not None:
            return self.since + stage.within
        return self.platform.until if self.platform else self.since

    @property
    def open_stage(self) -> Stage | None:
        """None while only the platform is waited for."""
        return self.stages[self.stage] if self.stage < len(self.stages) else None

    @property
    def approvers(self) -> tuple[str, ...]:
        """Who may answer now."""
        stage = self.open_stage
        return stage.approvers + (stage.escalate if self.escalated else ()) if stage else ()

    @property
    def agreed(self) -> tuple[str, ...]:
        """Who approved the open stage."""
        return tuple(vote.person for vote in _approvals(self))

    @property
    def ends_at(self) -> float:
        """When it expires if nobody answers, escalation of the open stage included; later stages come on top."""
        stage = self.open_stage
        return self.due + (stage.within if stage and stage.escalate and not self.escalated else 0.0)

    @property
    def granted(self) -> frozenset[str]:
        """The holds that count as met once it is granted."""
        return frozenset((*self.met, *self.holds))

    def can_be_halted(self, now: float) -> bool:
        """Whether an action could still come of it."""
        return self.is_open or self.is_usable(now)

    def is_usable(self, now: float) -> bool:
        """Whether a request of its digest may be decided with it."""
        granted = self.standing is Standing.GRANTED and not self.used_at
        return granted and self.resolved_at <= now < self.resolved_at + USABLE_FOR


class VoteRefused(SidecarError):
    """This person cannot answer this approval, now or at all. `kind` says which of these it is."""

    kind = "vote_refused"


def holds_of(decision: Decision) -> tuple[str, ...]:
    """What held a pending decision, by name."""
    held = [ruling.control for ruling in decision.rulings if ruling.verdict is Verdict.PENDING]
    rules = [GRANTED_RULE + rule for rule in decision.rules] if Control.POLICY in held else []
    return (*rules, *(control.value for control in held if control is not Control.POLICY))


def cast(
    approval: Approval,
    approver: Approver,
    choice: Choice,
    now: float,
    by: str,
    comment: str = "",
    *,
    same_uid: bool = False,
) -> Approval:
    """The approval with this vote. `same_uid`: the uid that asked may answer as well. Raises VoteRefused."""
    _check(approval, approver, choice, now, by, same_uid)
    vote = Vote(approver.name, choice, approval.stage, now, by, comment)
    voted = msgspec.structs.replace(approval, votes=(*approval.votes, vote))
    stage, hold = voted.open_stage, voted.platform
    if choice is Choice.DENY:
        return resolved(voted, Standing.DENIED, now)
    if stage is None or len(_approvals(voted)) < stage.quorum:
        return voted
    is_waited_for = hold is not None and hold.is_alone and not hold.is_met
    if is_waited_for or voted.stage + 1 < len(voted.stages):
        return msgspec.structs.replace(voted, stage=voted.stage + 1, since=now, escalated=False)
    return resolved(voted, Standing.GRANTED, now)


def advance(approval: Approval, now: float) -> Approval:
    """The approval as it is at this time: escalated or expired where its time is over.

    One of a time that is still to come is of a clock that was wrong, and has expired.
    """
    if approval.is_open and now < approval.since:
        return resolved(approval, Standing.EXPIRED, now)
    while approval.is_open and now >= approval.due:
        due, stage = approval.due, approval.open_stage
        if stage and stage.escalate and not approval.escalated:
            approval = msgspec.structs.replace(approval, escalated=True, since=due)
        else:
            approval = resolved(approval, Standing.EXPIRED, due)
    return approval


def halted(approval: Approval, because: str, now: float) -> Approval:
    """The approval ended by a halt that hits its request. It stays so when the halt is released."""
    return msgspec.structs.replace(resolved(approval, Standing.HALTED, now), halted_because=because)


def used(approval: Approval, now: float, by: int, outcome: int) -> Approval:
    """The approval with its grant spent: on the wait of the decision `by`, with the decision `outcome`."""
    return msgspec.structs.replace(approval, used_at=now, used_by=by, outcome=outcome)


def opened(approval: Approval, decision: int) -> Approval:
    """The approval of the decision that is on record under this number."""
    return msgspec.structs.replace(approval, decision=decision)


def join(approval: Approval, decision: int) -> Approval:
    """The approval with one more decision that waits for it; the last 64 of them are kept."""
    return msgspec.structs.replace(approval, joined=(*approval.joined, decision)[-_MOST_JOINED:])


def who_may_answer(
    approval: Approval, people: People, now: float, *, same_uid: bool = False
) -> tuple[str, ...]:
    """The names of those whose vote would count now, sorted."""
    return tuple(
        name
        for name in sorted(people.among(approval.approvers))
        if (approver := people.named(name)) and _counts(approval, approver, now, same_uid)
    )


def _counts(approval: Approval, approver: Approver, now: float, same_uid: bool) -> bool:
    try:
        _check(approval, approver, Choice.APPROVE, now, approver.name, same_uid)
    except VoteRefused:
        return False
    return True


def _check(
    approval: Approval, approver: Approver, choice: Choice, now: float, by: str, same_uid: bool
) -> None:
    if not approval.is_open or now >= approval.due:
        raise VoteRefused(f"approval {approval.id} is not open any more")
    if _is_requester(approval, approver, same_uid):
        raise VoteRefused("who asks for an action cannot approve it")
    if not approver.is_among(approval.approvers):
        asked = ", ".join(approval.approvers) or "the platform's own people"
        raise VoteRefused(f"{approver.name} is not among those who are asked: {asked}")
    if choice is Choice.APPROVE and not _is_another(approval, approver, by):
        raise VoteRefused(f"{approver.name} has approved this stage already")


def _is_requester(approval: Approval, approver: Approver, same_uid: bool) -> bool:
    """By uid unless that may answer too, by token (a person's name is its id), or by the subject that acts."""
    caller, subject = approval.caller, approval.request.subject
    is_same_uid = not same_uid and caller.uid is not None and caller.uid in approver.person.uids
    return is_same_uid or approver.name in (caller.token_id, subject.id)


def _is_another(approval: Approval, approver: Approver, by: str) -> bool:
    """Whether none of those who approved the open stage is this person, by name or, once renamed, by uid or key."""
    agreed = _approvals(approval)
    return all(approver.name != vote.person and by != vote.by for vote in agreed)


def _approvals(approval: Approval) -> list[Vote]:
    """The votes for the open stage, each of another person."""
    stage = approval.stage
    return [vote for vote in approval.votes if vote.stage == stage and vote.choice is Choice.APPROVE]


def resolved(approval: Approval, standing: Standing, now: float) -> Approval:
    return msgspec.structs.replace(approval, standing=standing, resolved_at=now)
