"""What every dialect can say of an answer: its context, and its verdict in headers."""

from functools import lru_cache
from urllib.parse import quote

from sidecar.api.wire import header_safe
from sidecar.core.model import Object, Verdict
from sidecar.core.record import Trace
from sidecar.core.times import rfc3339
from sidecar.service.decide import Answer


def context_of(answer: Answer) -> Object:
    """What a decision tells besides true or false."""
    decision, receipt, hold = answer.decision, answer.receipt, answer.hold
    context: Object = {
        "verdict": decision.verdict.word,
        "code": decision.code,
        "reason": decision.reason,
        "risk": decision.risk,
        "obligations": decision.obligations,
        "policy": {"rules": decision.rules, "revision": decision.revision},
    }
    if receipt is not None:
        context["id"] = str(receipt.seq)
        context["audit"] = {"seq": receipt.seq, "hash": receipt.hash}
    if decision.verdict is Verdict.ALLOW:
        context["expires_at"] = rfc3339(decision.expires_at)
    if hold is not None and receipt is not None:
        href = f"/v1/decisions/{receipt.seq}"
        context["approval"] = {"id": hold.id, "expires_at": rfc3339(hold.expires_at), "href": href}
    return context


@lru_cache(maxsize=1024)
def _quoted(reason: str) -> str:
    return quote(reason[:512], safe=" ,.;:()'")


def verdict_headers(answer: Answer, trace: Trace) -> tuple[tuple[str, str], ...]:
    """The verdict for callers without a JSON parser, and the request's own id back to it."""
    decision, receipt = answer.decision, answer.receipt
    headers = (
        ("X-Ascend-Verdict", decision.verdict.word),
        ("X-Ascend-Code", decision.code.value),
        ("X-Ascend-Id", str(receipt.seq) if receipt else ""),
        ("X-Ascend-Risk", str(decision.risk.score) if decision.risk else ""),
        ("X-Ascend-Reason", _quoted(decision.reason)),
    )
    return (*headers, ("X-Request-ID", header_safe(trace.request_id))) if trace.request_id else headers
