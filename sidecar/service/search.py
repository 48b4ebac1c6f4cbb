"""Search: which actions the policies name would this subject be allowed on this resource."""

import asyncio

from sidecar.core.judge import judge
from sidecar.core.model import Action, Caller, Request, Verdict
from sidecar.core.record import EventRecord, encode_record
from sidecar.service.halting import Halting
from sidecar.service.orchestration import Orchestration
from sidecar.service.ports import Clock, DecisionLog
from sidecar.service.state import State

_AT_MOST = 1000
_AT_ONCE = 50


class Search:
    """Judges each action that the active policies name. A search grants nothing; that it was made is recorded."""

    def __init__(
        self, state: State, log: DecisionLog, clock: Clock, orchestration: Orchestration, within: float
    ) -> None:
        self._state = state
        self._halting = Halting(state, clock)
        self._log = log
        self._clock = clock
        self._orchestration = orchestration
        self._within = within

    async def actions(self, request: Request, caller: Caller) -> list[str]:
        """Names in order, of the first thousand that are named. Raises AuditError."""
        kin = await self._orchestration.kin(request, caller)
        snapshot, now = self._state.snapshot, self._clock.now()
        names = snapshot.bundle.policies.actions[:_AT_MOST] if snapshot.bundle else ()
        allowed: list[str] = []
        for index, name in enumerate(names):
            if index % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)  # decisions go first
            if judge(snapshot, _asking(request, name), caller, now, kin=kin).verdict is Verdict.ALLOW:
                allowed.append(name)
        details = {"subject": f"{request.subject.type}:{request.subject.id}", "found": len(allowed)}
        await self._log.append(encode_record(EventRecord("search", now, details)), self._within)
        if self._halting.halts is snapshot.halts:
            return allowed
        return [name for name in allowed if self._halting.of(_asking(request, name), kin) is None]


def _asking(request: Request, action: str) -> Request:
    return Request(request.subject, Action(action), request.resource, request.context)
