"""Advice: what would be decided. It allows nothing and opens no approval; that it was asked is recorded."""

from sidecar.core.judge import judge
from sidecar.core.model import Caller, Decision, Request
from sidecar.core.record import EventRecord, encode_record
from sidecar.service.orchestration import Orchestration
from sidecar.service.ports import Clock, DecisionLog
from sidecar.service.state import State


class Advice:
    """Judges without deciding. There is no action of it that could be looked up or completed."""

    def __init__(
        self, state: State, log: DecisionLog, clock: Clock, orchestration: Orchestration, within: float
    ) -> None:
        self._state = state
        self._log = log
        self._clock = clock
        self._orchestration = orchestration
        self._within = within

    async def give(self, request: Request, caller: Caller) -> tuple[Decision, float]:
        """The decision as it would be now, and how many seconds judging took. Raises AuditError."""
        kin = await self._orchestration.kin(request, caller)
        now, started = self._clock.now(), self._clock.monotonic()
        decision = judge(self._state.snapshot, request, caller, now, kin=kin)
        seconds = self._clock.monotonic() - started
        details = {
            "subject": f"{request.subject.type}:{request.subject.id}",
            "action": request.action.name,
            "verdict": decision.verdict.word,
            "code": decision.code,
        }
        await self._log.append(encode_record(EventRecord("advice", now, details)), self._within)
        return decision, seconds
