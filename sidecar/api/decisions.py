"""The native routes, for shims, the CLI and curl: read a decision, report what became of it."""

import msgspec

from sidecar.api.authzen import context_of
from sidecar.api.problems import problem
from sidecar.api.wire import Call, Reply, Route, ok, parse_body, verdict_headers
from sidecar.core.errors import RequestError
from sidecar.core.ijson import JsonLimits
from sidecar.core.model import Verdict
from sidecar.service.outcomes import Outcomes, Told

_OUTCOMES = ("completed", "failed")


class Decisions:
    """Reads are scoped: a caller finds the decisions that it asked for, and no others."""

    def __init__(self, outcomes: Outcomes, limits: JsonLimits) -> None:
        self._outcomes = outcomes
        self._limits = limits

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("GET", "/v1/decisions/{}", self.show),
            Route("POST", "/v1/decisions/{}/outcome", self.report, reads_json=True),
        )

    async def show(self, call: Call) -> Reply:
        told = await self._find(call)
        if told is None:
            return _unknown(call)
        allowed = told.answer.decision.verdict is Verdict.ALLOW
        body = {"decision": allowed, "context": context_of(told.answer)}
        return ok(body, verdict_headers(told.answer, call.trace()))

    async def report(self, call: Call) -> Reply:
        body = parse_body(call, self._limits)
        outcome = body.pop("outcome", None)
        if outcome not in _OUTCOMES:
            raise RequestError(f"must be one of {', '.join(_OUTCOMES)}", field="outcome")
        seq = sequence(call.params[0])
        receipt = None if seq is None else await self._outcomes.report(seq, outcome, call.caller, body)
        if receipt is None:
            return _unknown(call)
        return ok({"outcome": outcome, "audit": msgspec.to_builtins(receipt)})

    async def _find(self, call: Call) -> Told | None:
        seq = sequence(call.params[0])
        return None if seq is None else await self._outcomes.find(seq, call.caller)


def sequence(text: str) -> int | None:
    """A decision's id as the number of its record, or None for what cannot be one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def _unknown(call: Call) -> Reply:
    return problem(404, f"No decision {call.params[0]} of this caller is known.")
