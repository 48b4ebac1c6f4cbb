"""Evaluation of the policies without a submit, in the ASCEND dialect."""

import msgspec

from sidecar.api.ascend_envelope import WORDS
from sidecar.api.ascend_identity import agent_of
from sidecar.api.ascend_replies import guarded
from sidecar.api.ascend_submit import resource_type
from sidecar.api.wire import Call, Reply, Route, ok, parse_body, read, read_request
from sidecar.core.errors import RequestError
from sidecar.core.ijson import JsonLimits
from sidecar.core.model import Object, Request, Verdict
from sidecar.service.advice import Advice
from sidecar.service.state import State


class Evaluation(msgspec.Struct, frozen=True):
    """What is read of the body. A risk score of the caller's own is not among it."""

    action_type: str
    resource: str
    context: Object = {}


class AscendAdvice:
    """The one route."""

    def __init__(self, advice: Advice, state: State, limits: JsonLimits) -> None:
        self._state = state
        self._advice = advice
        self._limits = limits

    def routes(self) -> tuple[Route, ...]:
        path = "/api/governance/policies/evaluate-realtime"
        about = "What would be decided; nothing is (ASCEND)."
        return (Route("POST", path, guarded(self.evaluate), reads_json=True, about=about, reads=Evaluation),)

    async def evaluate(self, call: Call) -> Reply:
        request = _request(read(parse_body(call, self._limits), Evaluation), agent_of(call, self._state))
        decision, seconds = await self._advice.give(request, call.caller)
        return ok(
            {
                "decision": WORDS[decision.verdict],
                "reason": decision.reason,
                "code": decision.code,
                "matched_policies": [{"id": rule} for rule in decision.rules],
                "violations": list(decision.rules) if decision.verdict is Verdict.DENY else [],
                "risk_score": decision.risk.score if decision.risk else 100,
                "evaluation_time_ms": round(seconds * 1000, 3),
            }
        )


def _request(asked: Evaluation, agent: str) -> Request:
    for name in ("action_type", "resource"):
        if not getattr(asked, name).strip():
            raise RequestError("must not be empty", field=name)
    return read_request(
        {
            "subject": {"type": "agent", "id": agent},
            "action": {"name": asked.action_type},
            "resource": {"type": resource_type(asked.resource), "id": asked.resource},
            "context": asked.context,
        }
    )
