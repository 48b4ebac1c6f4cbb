"""What the platform said of an action or an approval, or why nothing that it said can be used."""

from enum import StrEnum
from typing import Final

import msgspec

from sidecar.core.model import Verdict


class Reason(StrEnum):
    """Why there is no answer. Stable: records and metrics bear the words."""

    TIMEOUT = "timeout"
    REFUSED = "refused"
    TLS = "tls"
    CUT = "cut"
    BUSY = "busy"
    FAILING = "failing"
    CIRCUIT_OPEN = "circuit_open"
    OVERLOADED = "overloaded"
    UNAUTHORIZED = "unauthorized"
    REJECTED = "rejected"
    REDIRECTED = "redirected"
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    NO_KEY = "no_key"
    UNSENDABLE = "unsendable"


_OUTAGES: Final = frozenset(
    {Reason.TIMEOUT, Reason.REFUSED, Reason.CUT, Reason.BUSY, Reason.FAILING, Reason.CIRCUIT_OPEN}
)


class Unavailable(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """No answer. `status` is that of HTTP where there was one, else 0; `detail` is for people, without secrets."""

    reason: Reason
    status: int = 0
    detail: str = ""

    @property
    def is_outage(self) -> bool:
        """Whether the platform is slow or gone, rather than that it, or we, will not have this request."""
        return self.reason in _OUTAGES


class Scored(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The platform's answer to a submit or a status poll.

    `score`: 0-100, rounded up. `action_id` and `approval_request_id` are empty and None where it named none;
    `expires_at` is in epoch seconds; `raw_status` the platform's own word, such as `escalated`.
    """

    verdict: Verdict
    score: int | None = None
    reason: str = ""
    action_id: str = ""
    approval_request_id: str | None = None
    expires_at: float | None = None
    raw_status: str = ""
    conditions: tuple[str, ...] = ()


class PlatformApproval(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Where an approval stands: `allow` once granted, `pending` while it waits, else `deny`."""

    verdict: Verdict
    approver: str = ""
    reason: str = ""
    decided_at: str = ""
    raw_status: str = ""
