"""What the decision log tells a caller of its own decisions, in the ASCEND dialect: audit events, and sessions.

The newest thousand records are looked at; the whole log is for `ascend-sidecar audit`.
"""

from collections import Counter
from collections.abc import Sequence

from sidecar.api.ascend_envelope import WORDS
from sidecar.api.ascend_replies import PAGE, guarded, number
from sidecar.api.wire import Call, Reply, Route, ok
from sidecar.core.model import Object, Verdict
from sidecar.core.times import rfc3339
from sidecar.service.outcomes import Outcomes, Told
from sidecar.service.state import State

_PAGE_AT_MOST = 500
_SESSION = "orchestration_session_id"
_SESSIONS = "/api/v1/orchestration/sessions"


class AscendLogs:
    """Scoped to the caller, as all reads are."""

    def __init__(self, outcomes: Outcomes, state: State) -> None:
        self._outcomes = outcomes
        self._state = state

    def routes(self) -> tuple[Route, ...]:
        risk, stats = f"{_SESSIONS}/{{}}/risk", "/api/v1/orchestration/stats"
        return (
            Route("GET", "/audit/logs", guarded(self.events), about="This caller's audit events (ASCEND)."),
            Route(
                "GET", f"{_SESSIONS}/{{}}", guarded(self.session), about="The actions of a session (ASCEND)."
            ),
            Route("GET", risk, guarded(self.risk), about="The risk of a session (ASCEND)."),
            Route("GET", stats, guarded(self.stats), about="This caller's sessions (ASCEND)."),
        )

    async def events(self, call: Call) -> Reply:
        limit = number(call, "limit", PAGE, least=1, most=_PAGE_AT_MOST)
        offset = number(call, "offset", 0)
        told = await self._outcomes.newest(call.caller)
        events = [_event(one) for one in told[offset : offset + limit]]
        page = {"page": offset // limit + 1, "page_size": limit}
        return ok({"events": events, "total": len(told), **page})

    async def session(self, call: Call) -> Reply:
        told = await self._of_session(call)
        actions = [_action(one) for one in told]
        return ok({"session_id": call.params[0], "actions": actions, "total_actions": len(actions)})

    async def risk(self, call: Call) -> Reply:
        return ok({"session_id": call.params[0]} | _risk(await self._of_session(call)))

    async def stats(self, call: Call) -> Reply:
        told = [one for one in await self._outcomes.newest(call.caller) if _session(one)]
        sessions = {_session(one) for one in told}
        agents = {one.record.request.subject.id for one in told}
        depth = max((_depth(one) for one in told), default=0)
        numbers = {"total_sessions": len(sessions), "total_agents": len(agents), "max_depth": depth}
        return ok(numbers | {"total_actions": len(told), "decisions": _counted(told)})

    async def _of_session(self, call: Call) -> list[Told]:
        """A masking table may have the records hold the session's mask."""
        session: Object = {_SESSION: call.params[0]}
        wanted = {call.params[0], self._state.masker.mask(session)[_SESSION]}
        return [one for one in await self._outcomes.newest(call.caller) if _session(one) in wanted]


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


def _action(told: Told) -> Object:
    request, decision = told.record.request, told.record.decision
    return {
        "action_id": told.seq,
        "agent_id": request.subject.id,
        "action_type": request.action.name,
        "parent_action_id": request.context.get("parent_action_id"),
        "depth": _depth(told),
        "decision": WORDS[decision.verdict],
        "risk_score": _score(told),
        "created_at": rfc3339(decision.now),
    }


def _risk(told: Sequence[Told]) -> Object:
    scores = [_score(one) for one in told]
    return {
        "cumulative_risk": sum(scores),
        "max_risk_score": max(scores, default=0),
        "total_actions": len(scores),
        "decisions": _counted(told),
    }


def _counted(told: Sequence[Told]) -> Object:
    counts = Counter(one.record.decision.verdict for one in told)
    return {WORDS[verdict]: counts[verdict] for verdict in Verdict}


def _session(told: Told) -> str:
    session = told.record.request.context.get(_SESSION)
    return session if isinstance(session, str) else ""


def _depth(told: Told) -> int:
    depth = told.record.request.context.get("orchestration_depth")
    return depth if isinstance(depth, int) else 0


def _score(told: Told) -> int:
    risk = told.record.decision.risk
    return risk.score if risk else 100
