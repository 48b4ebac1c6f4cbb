"""Replies to a submit and to a status poll, as a verdict.

1. 2xx with an object is an answer; 403 whose `detail` speaks of governance or a violation is a deny; anything else is
   none.
2. The word that decides is `decision` where that member is there, even as null; else `status`. Words count in lower
   case only.
3. A word that refuses is a deny, whatever is wrong beside it: no defect may turn a refusal into something looser.
4. Otherwise every member must be what the contract says, and all of them must agree: `execution_allowed` with the
   verdict, `status` with an allow, the id with the one that was asked for.
"""

from collections.abc import Callable
from typing import Any, Final

from sidecar.core.model import JSON, Object, Verdict
from sidecar.core.platform import fields
from sidecar.core.platform.fields import Malformed
from sidecar.core.platform.model import Reason, Scored, Unavailable

_ALLOWS: Final = frozenset({"approved", "allowed", "auto_approved", "executed"})
_HOLDS: Final = frozenset({"pending", "pending_approval", "escalated", "timeout", "requires_modification"})
# `failed` and `completed` tell of an action that is over; it is not to be done again on their strength.
_DENIES: Final = frozenset({"denied", "rejected", "blocked", "failed", "completed", "cancelled", "expired"})
_LEVELS: Final = frozenset({"", "low", "medium", "high", "critical"})
_GOVERNANCE: Final = ("governance", "violation")


def parse_score(status: int, body: JSON, asked: str = "") -> Scored | Unavailable:
    """What the reply says. `asked` is the id of the action that a poll asked for."""
    if status == 403:
        return _forbidden(body)
    if not 200 <= status < 300:
        return Unavailable(Reason.REJECTED, status)
    try:
        return _answer(body, asked)
    except Malformed as error:
        return Unavailable(Reason.MALFORMED, status, str(error))


def _answer(body: JSON, asked: str) -> Scored:
    if not isinstance(body, dict):
        raise Malformed("the reply is not an object")
    verdict = _verdict(body)
    if verdict is Verdict.DENY:
        return _refusal(body, asked)
    _check(body, verdict)
    action_id = _action_id(body) or asked
    if not action_id:
        raise Malformed("action_id is missing")
    if asked and action_id != asked:
        raise Malformed("action_id is that of another action")
    return Scored(
        verdict,
        fields.score(body),
        _reason(body),
        action_id,
        fields.identifier(body.get("approval_request_id"), "approval_request_id") or None,
        fields.moment(body, "expires_at"),
        _raw_status(body),
        fields.texts(body, "conditions"),
    )


def _verdict(body: Object) -> Verdict:
    name = "decision" if "decision" in body else "status"
    word = body.get(name)
    if not isinstance(word, str):
        raise Malformed(f"{name} is not a word")
    for words, verdict in ((_ALLOWS, Verdict.ALLOW), (_HOLDS, Verdict.PENDING), (_DENIES, Verdict.DENY)):
        if word in words:
            return verdict
    raise Malformed(f"{name} is not a known word")


def _check(body: Object, verdict: Verdict) -> None:
    """Everything besides the verdict that could contradict it, or shows that the reply is something else."""
    if "execution_allowed" in body and body["execution_allowed"] is not (verdict is Verdict.ALLOW):
        raise Malformed("execution_allowed contradicts the decision")
    status = fields.text(body, "status")
    if verdict is Verdict.ALLOW and status and status not in _ALLOWS:
        raise Malformed("status contradicts the decision")
    if fields.text(body, "risk_level") not in _LEVELS:
        raise Malformed("risk_level is not a known level")
    fields.mapping(body, "metadata")
    for name in ("policy_violations", "required_approvers"):
        fields.texts(body, name)


def _refusal(body: Object, asked: str) -> Scored:
    return Scored(
        Verdict.DENY,
        _if_well(fields.score, body, None),
        _if_well(_reason, body, ""),
        asked or _if_well(_action_id, body, ""),
        raw_status=_if_well(_raw_status, body, ""),
    )


def _if_well(read: Callable[[Object], Any], body: Object, otherwise: Any) -> Any:
    try:
        return read(body)
    except Malformed:
        return otherwise


def _action_id(body: Object) -> str:
    """`id` counts only where there is no `action_id`, not even a null."""
    name = "action_id" if "action_id" in body else "id"
    return fields.identifier(body.get(name), name)


def _reason(body: Object) -> str:
    return fields.text(body, "reason") or fields.text(body, "comments")


def _raw_status(body: Object) -> str:
    return fields.text(body, "status") or fields.text(body, "decision")


def _forbidden(body: JSON) -> Scored | Unavailable:
    detail = body.get("detail") if isinstance(body, dict) else None
    error = detail.get("error") if isinstance(detail, dict) else None
    if not isinstance(detail, dict) or not isinstance(error, str):
        return Unavailable(Reason.REJECTED, 403)
    if not any(word in error.lower() for word in _GOVERNANCE):
        return Unavailable(Reason.REJECTED, 403)
    why = detail.get("detail")
    return Scored(
        Verdict.DENY,
        reason=fields.shortened(why if isinstance(why, str) and why else error),
        raw_status="denied",
    )
