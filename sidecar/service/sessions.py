"""Sessions: what the actions of one orchestration add up to. It informs, and nothing is decided by it.

In memory, by caller: of each and of all the session that was heard of longest ago is forgotten first.
"""

from collections import Counter, OrderedDict
from typing import Final

import msgspec

from sidecar.core.delegation import Delegated
from sidecar.core.model import Caller, Decision, Request, Verdict

_OF_ONE_CALLER: Final = 1000
_OF_ALL: Final = 10_000
_AGENTS_NAMED: Final = 16
_CHARS: Final = 256
_UNKNOWN_RISK: Final = 100


class Session(msgspec.Struct, frozen=True, gc=False):
    """One session. Times are epoch seconds; `agents` are the first 16.

    `cumulative_risk` is the sum of the scores, 0-100 each, of all actions that were asked for: not capped, the denied
    ones too, because they were tried. An action without a score counts 100. One that people were asked about counts
    once, as pending, whatever they said.
    """

    id: str
    first_at: float
    last_at: float = 0.0
    actions: int = 0
    max_risk: int = 0
    cumulative_risk: int = 0
    max_depth: int = 0
    allowed: int = 0
    pending: int = 0
    denied: int = 0
    agents: tuple[str, ...] = ()


class Sessions:
    """What one caller's sessions are called is not told to another, whose sessions of that name are others."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[tuple[str, str], Session] = OrderedDict()
        self._of_caller: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._sessions)

    def count(self, caller: str, request: Request, decision: Decision, delegated: Delegated) -> None:
        """Add an action to its session, if it is of one; `caller` is the key of who asked."""
        if not delegated.session:
            return
        key = (caller, delegated.session)
        session = self._sessions.get(key)
        if session is None:
            self._make_room(caller)
            session = Session(delegated.session, decision.now)
            self._of_caller[caller] += 1
        self._sessions[key] = _with(session, request, decision, delegated.depth)
        self._sessions.move_to_end(key)

    def find(self, caller: Caller, session: str) -> Session | None:
        return self._sessions.get((caller.key, session))

    def of(self, caller: Caller) -> list[Session]:
        """The caller's, the one that was heard of last first."""
        return [one for (whose, _), one in reversed(self._sessions.items()) if whose == caller.key]

    def _make_room(self, caller: str) -> None:
        if self._of_caller[caller] >= _OF_ONE_CALLER:
            self._drop(next(key for key in self._sessions if key[0] == caller))
        elif len(self._sessions) >= _OF_ALL:
            self._drop(next(iter(self._sessions)))

    def _drop(self, key: tuple[str, str]) -> None:
        del self._sessions[key]
        self._of_caller[key[0]] -= 1
        if not self._of_caller[key[0]]:
            del self._of_caller[key[0]]


def _with(session: Session, request: Request, decision: Decision, depth: int) -> Session:
    score = decision.risk.score if decision.risk else _UNKNOWN_RISK
    agent, agents = request.subject.id[:_CHARS], session.agents
    if agent not in agents and len(agents) < _AGENTS_NAMED:
        agents = (*agents, agent)
    return Session(
        id=session.id,
        first_at=session.first_at,
        last_at=decision.now,
        actions=session.actions + 1,
        max_risk=max(session.max_risk, score),
        cumulative_risk=session.cumulative_risk + score,
        max_depth=max(session.max_depth, depth),
        allowed=session.allowed + (decision.verdict is Verdict.ALLOW),
        pending=session.pending + (decision.verdict is Verdict.PENDING),
        denied=session.denied + (decision.verdict is Verdict.DENY),
        agents=agents,
    )
