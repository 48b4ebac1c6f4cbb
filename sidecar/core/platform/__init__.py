"""The platform's answers: what they may look like, and what each means. Anything else is no answer."""

from sidecar.core.platform.approval import parse_approval
from sidecar.core.platform.fields import is_identifier
from sidecar.core.platform.model import PlatformApproval, Reason, Scored, Unavailable
from sidecar.core.platform.score import parse_score
from sidecar.core.platform.submit import submit_body

__all__ = [
    "PlatformApproval",
    "Reason",
    "Scored",
    "Unavailable",
    "is_identifier",
    "parse_approval",
    "parse_score",
    "submit_body",
]
