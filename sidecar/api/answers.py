"""What every dialect can say of an answer: its context, and its verdict in headers."""

from functools import lru_cache
from urllib.parse import quote

import msgspec
from msgspec import UNSET, UnsetType

from sidecar.api.wire import header_lines, header_safe
from sidecar.core.model import Obligation, Risk, Verdict
from sidecar.core.record import Hold, Trace
from sidecar.core.times import rfc3339
from sidecar.service.asked import Answer
from sidecar.service.ports import Receipt


class Policies(msgspec.Struct, frozen=True, gc=False):
    """The rules that decided, and of which revision they are."""

    rules: tuple[str, ...]
    revision: str


class Approval(msgspec.Struct, frozen=True, gc=False):
    """What a pending decision waits for, until when (RFC 3339), and where to look."""

    id: str
    expires_at: str
    href: str


class Context(msgspec.Struct, frozen=True, gc=False):
    """What a decision tells besides true or false; what is not set is left out."""

    verdict: str
    code: str
    reason: str
    risk: Risk | None
    obligations: tuple[Obligation, ...]
    policy: Policies
    id: str | UnsetType = UNSET
    audit: Receipt | UnsetType = UNSET
    expires_at: str | UnsetType = UNSET
    approval: Approval | UnsetType = UNSET


class Told(msgspec.Struct, frozen=True, gc=False):
    """An answer as AuthZEN has it."""

    decision: bool
    context: Context


def told(answer: Answer) -> Told:
    """The whole of an answer."""
    decision, receipt, hold = answer.decision, answer.receipt, answer.hold
    verdict = decision.verdict
    allowed = verdict is Verdict.ALLOW
    context = Context(
        verdict.word,
        decision.code,
        decision.reason,
        decision.risk,
        decision.obligations,
        Policies(decision.rules, decision.revision),
        UNSET if receipt is None else str(receipt.seq),
        UNSET if receipt is None else receipt,
        rfc3339(decision.expires_at) if allowed else UNSET,
        UNSET if hold is None or receipt is None else _approval(hold, receipt),
    )
    return Told(allowed, context)


def _approval(hold: Hold, receipt: Receipt) -> Approval:
    return Approval(hold.id, rfc3339(hold.expires_at), f"/v1/decisions/{receipt.seq}")


def verdict_headers(answer: Answer, trace: Trace) -> bytes:
    """The verdict for callers without a JSON parser, and the request's own id back to it."""
    decision, receipt, risk = answer.decision, answer.receipt, answer.decision.risk
    lines = _verdict_lines(
        decision.verdict.word, decision.code, None if risk is None else risk.score, decision.reason
    )
    lines += b"X-Ascend-Id: %d\r\n" % receipt.seq if receipt else b"X-Ascend-Id: \r\n"
    if trace.request_id:
        lines += header_lines(("X-Request-ID", header_safe(trace.request_id)))
    return lines


@lru_cache(maxsize=1024)
def _verdict_lines(verdict: str, code: str, score: int | None, reason: str) -> bytes:
    """What many answers have in common."""
    return header_lines(
        ("X-Ascend-Verdict", verdict),
        ("X-Ascend-Code", code),
        ("X-Ascend-Risk", "" if score is None else str(score)),
        ("X-Ascend-Reason", quote(reason[:512], safe=" ,.;:()'")),
    )
