"""Approvals in JSON, for people: what a list tells of each, and what one needs in order to decide. Times as text."""

from typing import Any

from sidecar.core.approval import Approval, Vote
from sidecar.core.model import Object, Request, Stage
from sidecar.core.platform_hold import PlatformHold
from sidecar.core.times import rfc3339
from sidecar.service.ballots import Ballot


def summary(ballot: Ballot) -> Object:
    """One line of a list."""
    approval, request = ballot.approval, ballot.request
    told: Object = {
        "id": approval.id,
        "standing": approval.standing,
        "subject": f"{request.subject.type}:{request.subject.id}",
        "action": request.action.name,
        "resource": f"{request.resource.type}:{request.resource.id}",
        "reason": approval.reason,
        "decision": str(approval.decision),
        "opened_at": rfc3339(approval.opened_at),
        "change": ballot.change,
    }
    return told | (_waiting(approval) if approval.is_open else _ended(approval))


def details(ballot: Ballot) -> Object:
    """All of one. `request` has its secrets masked."""
    approval = ballot.approval
    return (
        summary(ballot)
        | {
            "caller": approval.caller,
            "request": _request(ballot.request),
            "digest": approval.digest,
            "holds": approval.holds,
            "met": approval.met,
            "risk": ballot.risk,
            "stages": [_stage(stage) for stage in approval.stages],
            "votes": [_vote(vote) for vote in approval.votes],
            "answerable_by": ballot.answerable_by,
            "joined": [str(decision) for decision in approval.joined],
            "policy": {"revision": approval.revision},
        }
        | (_on_platform(approval.platform) if approval.platform else {})
    )


def _waiting(approval: Approval) -> Object:
    """`due` is when the open stage escalates or ends; `expires_at` when it ends, its escalation included."""
    return {
        "stage": approval.stage,
        "stages_in_all": len(approval.stages),
        "quorum": approval.open_stage.quorum if approval.open_stage else 0,
        "approved_by": approval.agreed,
        "approvers": approval.approvers,
        "escalated": approval.escalated,
        "due": rfc3339(approval.due),
        "expires_at": rfc3339(approval.ends_at),
    }


def _on_platform(hold: PlatformHold) -> Object:
    """What the platform's own people have made of it."""
    told: Object = {"action_id": hold.action, "granted": hold.is_met, "escalated": hold.is_escalated}
    return {"platform": told | ({"approval_request_id": hold.approval} if hold.approval else {})}


def _ended(approval: Approval) -> Object:
    told: Object = {"resolved_at": rfc3339(approval.resolved_at)}
    if approval.used_at:
        told["used_at"] = rfc3339(approval.used_at)
    if approval.outcome is not None:
        told["outcome"] = str(approval.outcome)
    return told


def _request(request: Request) -> dict[str, Any]:
    return {
        "subject": request.subject,
        "action": request.action,
        "resource": request.resource,
        "context": request.context,
    }


def _stage(stage: Stage) -> Object:
    return {
        "approvers": stage.approvers,
        "quorum": stage.quorum,
        "within_seconds": stage.within,
        "escalate": stage.escalate,
    }


def _vote(vote: Vote) -> Object:
    return {
        "person": vote.person,
        "choice": vote.choice,
        "stage": vote.stage,
        "at": rfc3339(vote.at),
        "by": vote.by,
        "comment": vote.comment,
    }
