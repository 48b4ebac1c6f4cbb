"""The native routes of sessions: which there are of the caller's, and what their actions add up to."""

from typing import Final

from sidecar.api.problems import problem
from sidecar.api.wire import Call, Reply, Route, ok
from sidecar.core.model import Object
from sidecar.core.times import rfc3339
from sidecar.service.sessions import Session, Sessions

_LIST: Final = "This caller's sessions, the last heard of first."


class SessionsDoor:
    """Reads are scoped, as those of decisions are."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("GET", "/v1/sessions", self.list, about=_LIST),
            Route("GET", "/v1/sessions/{}", self.show, about="A session of this caller, and its risk."),
        )

    async def list(self, call: Call) -> Reply:
        return ok({"sessions": [_told(session) for session in self._sessions.of(call.caller)]})

    async def show(self, call: Call) -> Reply:
        session = self._sessions.find(call.caller, call.params[0])
        if session is None:
            return problem(404, f"No session {call.params[0]} of this caller is known.")
        return ok(_told(session))


def _told(session: Session) -> Object:
    """`risk.cumulative` is the sum of all scores, denied actions' too, and not capped."""
    return {
        "id": session.id,
        "actions": session.actions,
        "decisions": {"allow": session.allowed, "pending": session.pending, "deny": session.denied},
        "risk": {"max": session.max_risk, "cumulative": session.cumulative_risk},
        "max_depth": session.max_depth,
        "agents": session.agents,
        "first_at": rfc3339(session.first_at),
        "last_at": rfc3339(session.last_at),
    }
