"""Sessions of orchestrations in the ASCEND dialect, and the words for a parent that is none.

What a session adds up to is counted as it goes; its single actions are those among the newest thousand records.
"""

from typing import Final

from sidecar.api.ascend_envelope import WORDS
from sidecar.api.ascend_replies import guarded
from sidecar.api.wire import Call, Reply, Route, ok
from sidecar.core.delegation import PARENT
from sidecar.core.model import Code, Decision, Object, Verdict
from sidecar.core.times import rfc3339
from sidecar.service.outcomes import Outcomes, Told
from sidecar.service.sessions import Session, Sessions

_ORCHESTRATION: Final = "/api/v1/orchestration"


class AscendOrchestration:
    """Scoped to the caller, as all reads are."""

    def __init__(self, outcomes: Outcomes, sessions: Sessions) -> None:
        self._outcomes = outcomes
        self._sessions = sessions

    def routes(self) -> tuple[Route, ...]:
        one = f"{_ORCHESTRATION}/sessions/{{}}"
        return (
            Route("GET", one, guarded(self.session), about="The actions of a session (ASCEND)."),
            Route("GET", f"{one}/risk", guarded(self.risk), about="The risk of a session (ASCEND)."),
            Route(
                "GET",
                f"{_ORCHESTRATION}/stats",
                guarded(self.stats),
                about="This caller's sessions (ASCEND).",
            ),
        )

    async def session(self, call: Call) -> Reply:
        newest = await self._outcomes.newest(call.caller)
        actions = [_action(told) for told in newest if _is_of(told, call.params[0])]
        return ok({**self._totals(call), "actions": actions})

    async def risk(self, call: Call) -> Reply:
        return ok(self._totals(call))

    async def stats(self, call: Call) -> Reply:
        sessions = self._sessions.of(call.caller)
        return ok(
            {
                "total_sessions": len(sessions),
                "total_agents": len({agent for session in sessions for agent in session.agents}),
                "max_depth": max((session.max_depth for session in sessions), default=0),
                "total_actions": sum(session.actions for session in sessions),
                "max_risk_score": max((session.max_risk for session in sessions), default=0),
                "decisions": _counted(sessions),
            }
        )

    def _totals(self, call: Call) -> Object:
        """A session that nothing was heard of has no actions, and no risk."""
        session = self._sessions.find(call.caller, call.params[0]) or Session(call.params[0], 0.0)
        return {
            "session_id": session.id,
            "total_actions": session.actions,
            "cumulative_risk": session.cumulative_risk,
            "max_risk_score": session.max_risk,
            "max_depth": session.max_depth,
            "agents": session.agents,
            "decisions": _counted([session]),
        }


def foreign_parent(decision: Decision) -> str:
    """Why the decision that was named is none to delegate under; empty if it is, or none was named."""
    found = (ruling.reason for ruling in decision.rulings if ruling.code is Code.FOREIGN_PARENT)
    return next(found, "")


def _is_of(told: Told, session: str) -> bool:
    delegated = told.record.delegated
    return delegated is not None and delegated.session == session and told.record.repeats is None


def _action(told: Told) -> Object:
    request, decision, delegated = told.record.request, told.record.decision, told.record.delegated
    return {
        "action_id": told.seq,
        "agent_id": request.subject.id,
        "action_type": request.action.name,
        "parent_action_id": request.context.get(PARENT),
        "depth": delegated.depth if delegated else 0,
        "decision": WORDS[decision.verdict],
        "risk_score": decision.risk.score if decision.risk else 100,
        "created_at": rfc3339(decision.now),
    }


def _counted(sessions: list[Session]) -> Object:
    return {
        WORDS[Verdict.ALLOW]: sum(session.allowed for session in sessions),
        WORDS[Verdict.PENDING]: sum(session.pending for session in sessions),
        WORDS[Verdict.DENY]: sum(session.denied for session in sessions),
    }
