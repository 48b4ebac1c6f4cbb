"""What the decision log tells a caller of its own decisions, in the ASCEND dialect: audit events.

The newest thousand records are looked at; the whole log is for `ascend-sidecar audit`.
"""

from sidecar.api.ascend_envelope import WORDS
from sidecar.api.ascend_replies import PAGE, guarded, number
from sidecar.api.wire import Call, Reply, Route, ok
from sidecar.core.model import Object
from sidecar.core.times import rfc3339
from sidecar.service.outcomes import Outcomes, Told

_PAGE_AT_MOST = 500


class AscendLogs:
    """Scoped to the caller, as all reads are."""

    def __init__(self, outcomes: Outcomes) -> None:
        self._outcomes = outcomes

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("GET", "/audit/logs", guarded(self.events), about="This caller's audit events (ASCEND)."),
        )

    async def events(self, call: Call) -> Reply:
        limit = number(call, "limit", PAGE, least=1, most=_PAGE_AT_MOST)
        offset = number(call, "offset", 0)
        told = await self._outcomes.newest(call.caller)
        events = [_event(one) for one in told[offset : offset + limit]]
        page = {"page": offset // limit + 1, "page_size": limit}
        return ok({"events": events, "total": len(told), **page})


def _event(told: Told) -> Object:
    request, decision = told.record.request, told.record.decision
    return {
        "event_id": str(told.seq),
        "event_type": "decision",
        "timestamp": rfc3339(decision.now),
        "actor": request.subject.id,
        "resource": request.resource.id,
        "action": request.action.name,
        "outcome": WORDS[decision.verdict],
        "details": {
            "code": decision.code,
            "reason": decision.reason,
            "rules": decision.rules,
            "revision": decision.revision,
            "risk_score": _score(told),
        },
    }


def _score(told: Told) -> int:
    risk = told.record.decision.risk
    return risk.score if risk else 100
