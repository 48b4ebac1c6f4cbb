"""The one table from error to status (RFC 9457 problem details). A deny is a value and is not here."""

from http import HTTPStatus
from typing import Final

from sidecar.api.wire import Reply, encode, header_lines
from sidecar.core.errors import AuditError, RequestError

PROBLEM_TYPE: Final = "application/problem+json"
_CHALLENGE: Final = header_lines(("WWW-Authenticate", "Bearer"))


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
    if isinstance(error, AuditError):
        return problem(503, "The log cannot be written; nothing was recorded.")
    return problem(500, "The daemon failed; nothing was decided.")
