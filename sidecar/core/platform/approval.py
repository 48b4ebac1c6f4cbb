"""Replies of the approval route, whose words are fewer than those of an action.

Only `approved` grants. Words that the published SDK takes for none of approved, denied and pending hold as long as
they speak of waiting, and refuse where they speak of an end.
"""

from typing import Final

from sidecar.core.model import JSON, Verdict
from sidecar.core.platform import fields
from sidecar.core.platform.fields import Malformed
from sidecar.core.platform.model import PlatformApproval, Reason, Unavailable

_WORDS: Final = {
    "approved": Verdict.ALLOW,
    "pending": Verdict.PENDING,
    "pending_approval": Verdict.PENDING,
    "escalated": Verdict.PENDING,
    "rejected": Verdict.DENY,
    "denied": Verdict.DENY,
    "expired": Verdict.DENY,
    "timeout": Verdict.DENY,
    "cancelled": Verdict.DENY,
}


def parse_approval(status: int, body: JSON) -> PlatformApproval | Unavailable:
    """What the reply says; 403 and 404 among others are no answer."""
    if not 200 <= status < 300:
        return Unavailable(Reason.REJECTED, status)
    try:
        return _approval(body)
    except Malformed as error:
        return Unavailable(Reason.MALFORMED, status, str(error))


def _approval(body: JSON) -> PlatformApproval:
    if not isinstance(body, dict):
        raise Malformed("the reply is not an object")
    word = body.get("status")
    verdict = _WORDS.get(word) if isinstance(word, str) else None
    if verdict is None:
        raise Malformed("status is not a known word")
    if verdict is Verdict.ALLOW and fields.text(body, "rejected_by"):
        raise Malformed("rejected_by contradicts the status")
    return PlatformApproval(
        verdict,
        fields.text(body, "approved_by") or fields.text(body, "rejected_by"),
        fields.text(body, "rejection_reason"),
        fields.text(body, "decided_at"),
        str(word),
    )
