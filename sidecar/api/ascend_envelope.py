"""Decisions in the words of the ASCEND API, lower case, so that every published SDK version reads them alike.

`decision` is allowed, denied or pending; `status` the richer word beside it; `execution_allowed` exactly whether the
decision is allowed. Keys without a value are left out, because a null hides the SDK's own fallback.
"""

from typing import Final

from sidecar.api.ascend_governance import governance
from sidecar.core.approval import Approval, Choice, Standing
from sidecar.core.model import Code, Object, Request, Risk, Verdict
from sidecar.core.registry import Registry
from sidecar.core.times import rfc3339
from sidecar.service.asked import Answer
from sidecar.service.outcomes import Told
from sidecar.service.waiting import Followed

WORDS: Final = {Verdict.ALLOW: "allowed", Verdict.PENDING: "pending", Verdict.DENY: "denied"}
_STATUS: Final = {Verdict.ALLOW: "approved", Verdict.PENDING: "pending_approval", Verdict.DENY: "denied"}
_LEGACY: Final = {Verdict.ALLOW: "approved", Verdict.PENDING: "pending", Verdict.DENY: "denied"}
_APPROVALS: Final = {Verdict.ALLOW: "approved", Verdict.PENDING: "pending", Verdict.DENY: "rejected"}
_ESCALATED: Final = "escalated"
_OURSELVES: Final = "ascend-sidecar"
_SEVERITIES: Final = ((9.0, "CRITICAL"), (7.0, "HIGH"), (4.0, "MEDIUM"), (0.1, "LOW"))


def envelope(
    request: Request, answer: Answer, correlation_id: str, follow_by: str, registry: Registry
) -> Object:
    """The answer to a submit or a status poll; `follow_by` is the id that a hold is followed by.

    `registry` is that of today.
    """
    decision = answer.decision
    body: Object = {
        "action_id": answer.receipt.seq if answer.receipt else 0,
        "decision": WORDS[decision.verdict],
        "status": _STATUS[decision.verdict],
        "execution_allowed": decision.verdict is Verdict.ALLOW,
        "reason": decision.reason,
        "comments": decision.reason,
        "policy_violations": list(decision.rules) if decision.verdict is Verdict.DENY else [],
        "conditions": [],
        "required_approvers": [who for stage in decision.stages for who in stage.approvers],
        "policy_decision": decision.code,
        "matched_policies": len(decision.rules),
        "metadata": {"code": decision.code, "rules": decision.rules, "revision": decision.revision},
    }
    if correlation_id:
        body["correlation_id"] = correlation_id
    if decision.verdict is Verdict.ALLOW:
        body["expires_at"] = rfc3339(decision.expires_at)
    if decision.verdict is Verdict.PENDING and answer.hold:
        body |= {"approval_request_id": follow_by, "expires_at": rfc3339(answer.hold.expires_at)}
    return body | _risk(decision.risk) | governance(request, decision.verdict, registry)


def asked_people(verdict: Verdict, approval: Approval | None) -> Object:
    """What a poll of an action tells besides: who approved it, or that its hold was escalated, here or there."""
    if approval is None or verdict is Verdict.DENY:
        return {}
    if verdict is Verdict.ALLOW:
        return {"approved_by": _approvers(approval)}
    is_escalated = approval.escalated or (approval.platform is not None and approval.platform.is_escalated)
    return {"status": _ESCALATED} if is_escalated else {}


def approval_status(request_id: str, followed: Followed) -> Object:
    """How a request for approval stands: pending, approved or rejected, the words that the SDK stops at."""
    approval, decision = followed.approval, followed.told.answer.decision
    body: Object = {
        "approval_request_id": request_id,
        "action_id": followed.told.seq,
        "status": _APPROVALS[decision.verdict],
        "code": decision.code,
        "reason": decision.reason,
    }
    if decision.verdict is Verdict.PENDING:
        return body
    body["decided_at"] = rfc3339(approval.resolved_at or approval.ends_at)
    if decision.verdict is Verdict.ALLOW:
        return body | {"approved_by": _approvers(approval)}
    last = approval.votes[-1] if approval.standing is Standing.DENIED else None
    body["rejected_by"] = last.person if last else _OURSELVES
    body["rejection_reason"] = (last.comment if last else "") or decision.reason
    return body


def _approvers(approval: Approval) -> str:
    return ", ".join(dict.fromkeys(vote.person for vote in approval.votes if vote.choice is Choice.APPROVE))


def _risk(risk: Risk | None) -> Object:
    if risk is None:
        return {"risk_score": 100, "risk_level": "critical"}
    told: Object = {
        "risk_score": risk.score,
        "risk_level": risk.level,
        "risk_score_source": "pipeline",
        "cvss_score": risk.cvss.score,
        "cvss_severity": next((name for least, name in _SEVERITIES if risk.cvss.score >= least), "NONE"),
        "cvss_vector": risk.cvss.vector,
    }
    if risk.attack.technique:
        told |= {"mitre_tactic": risk.attack.tactic, "mitre_technique": risk.attack.technique}
    return told


def details(told: Told) -> Object:
    """One action as the details and activity routes tell it; `status` is of an older vocabulary there."""
    record, decision = told.record, told.answer.decision
    if decision.code is Code.EXPIRED:  # history: an allow that ran out was an allow
        decision = record.decision
    request = record.request
    at = rfc3339(record.decision.now)
    body: Object = {
        "id": told.seq,
        "agent_id": request.subject.id,
        "agent_name": request.subject.properties.get("name", request.subject.id),
        "action_type": request.action.name,
        "resource": request.resource.id,
        "status": _LEGACY[decision.verdict],
        "risk_score": decision.risk.score if decision.risk else 100,
        "created_at": at,
        "updated_at": at,
        "audit_trail": [{"seq": told.seq, "event": "decision", "at": at, "code": record.decision.code}],
    }
    if resource_id := request.resource.properties.get("resource_id"):
        body["resource_id"] = resource_id
    return body
