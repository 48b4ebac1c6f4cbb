"""The one table from error to status (RFC 9457 problem details). A deny is a value and is not here."""

from http import HTTPStatus
from typing import Final

from sidecar.api.wire import Reply, encode, header_lines
from sidecar.core.approval import VoteRefused
from sidecar.core.errors import AuditError, NotOwed, RequestError, SidecarError, StoreError
from sidecar.core.statement import StatementRefused
from sidecar.service.ballots import Nobody, UnknownApproval

PROBLEM_TYPE: Final = "application/problem+json"
_CHALLENGE: Final = header_lines(("WWW-Authenticate", "Bearer"))
_STATUSES: Final[tuple[tuple[type[SidecarError], HTTPStatus], ...]] = (
    (UnknownApproval, HTTPStatus.NOT_FOUND),
    (Nobody, HTTPStatus.FORBIDDEN),
    (StatementRefused, HTTPStatus.FORBIDDEN),
    (VoteRefused, HTTPStatus.CONFLICT),
    (NotOwed, HTTPStatus.SERVICE_UNAVAILABLE),
)


def problem(status: int, detail: str, field: str = "", headers: bytes = b"") -> Reply:
    """A problem that names the field which is wrong, where one is."""
    body: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if field:
        body["field"] = field
    return Reply(status, encode(body), headers, PROBLEM_TYPE)


def from_error(error: Exception) -> Reply:
    """The caller's fault is told in full; ours is not told at all, it stands in the daemon's own log."""
    if isinstance(error, RequestError):
        headers = _CHALLENGE if error.status == HTTPStatus.UNAUTHORIZED else b""
        return problem(error.status, str(error), error.field, headers)
    for kind, status in _STATUSES:
        if isinstance(error, kind):
            return problem(status, str(error))
    if isinstance(error, AuditError):
        return problem(503, "The log cannot be written; nothing was recorded.")
    if isinstance(error, StoreError):
        return problem(503, "The state folder cannot be written; nothing was changed.")
    return problem(500, "The daemon failed; nothing was decided.")
