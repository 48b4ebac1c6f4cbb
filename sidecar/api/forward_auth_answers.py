"""What a gateway is answered: 200, 401 or 403, and every identity header of ours, each set or taken away.

Envoy lets pass what gets a 5xx where `failure_mode_allow` is set, and takes 201 to 299 for an answer of the
authorizer's own; nginx turns all but 2xx, 401 and 403 into a 500. These three mean the same to both.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from sidecar.api.answers import verdict_headers
from sidecar.api.forward_auth_request import NAMES, OURS, Reason
from sidecar.api.problems import PROBLEM_TYPE
from sidecar.api.wire import Reply, encode, header_lines, header_safe
from sidecar.core.model import Subject, Verdict
from sidecar.core.record import Trace
from sidecar.service.asked import Answer

_CHARS: Final = 256
_CHALLENGE: Final = header_lines(("WWW-Authenticate", "Bearer"))


def answered(answer: Answer, subject: Subject, asked: Mapping[str, str], trace: Trace) -> Reply:
    """200 for an allow, 403 for anything else."""
    decision, hold = answer.decision, answer.hold
    headers = verdict_headers(answer, trace) + _identity(
        f"{subject.type}:{subject.id}", hold.id if hold else "", asked
    )
    if decision.verdict is Verdict.ALLOW:
        return Reply(200, b"", headers)
    return _refusal(403, decision.code, decision.reason, headers)


def not_decided(why: Reason, reason: str, asked: Mapping[str, str]) -> Reply:
    """401 where nobody is named, else 403."""
    headers = header_lines(
        ("X-Ascend-Verdict", "deny"),
        ("X-Ascend-Code", why),
        ("X-Ascend-Risk", ""),
        ("X-Ascend-Reason", quote(reason, safe=" ,.;:()'")),
        ("X-Ascend-Id", ""),
    )
    if request_id := asked.get("x-request-id", "")[:_CHARS]:
        headers += header_lines(("X-Request-ID", header_safe(request_id)))
    headers += _identity("", "", asked)
    if why is Reason.UNAUTHENTICATED:
        return _refusal(401, why, reason, headers + _CHALLENGE)
    return _refusal(403, why, reason, headers)


def _refusal(status: int, code: str, reason: str, headers: bytes) -> Reply:
    title = "Unauthorized" if status == 401 else "Forbidden"
    body = {"type": "about:blank", "title": title, "status": status, "detail": reason, "code": code}
    return Reply(status, encode(body), headers, PROBLEM_TYPE)


def _identity(subject: str, approval: str, asked: Mapping[str, str]) -> bytes:
    """Empty where there is none, so that a client's own does not stay; others of a client are named to Envoy."""
    lines = header_lines(("X-Ascend-Subject", quote(subject, safe=":/@+=")), ("X-Ascend-Approval", approval))
    if traceparent := asked.get("traceparent", "")[:_CHARS]:
        lines += header_lines(("traceparent", header_safe(traceparent)))
    if forged := [name for name in asked if name.startswith(OURS) and name not in NAMES]:
        lines += header_lines(("x-envoy-auth-headers-to-remove", ", ".join(forged)))
    return lines
