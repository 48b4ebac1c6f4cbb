"""The native routes, for shims, the CLI and curl: read a decision, report what became of it."""

import msgspec

from sidecar.api.answers import told, verdict_headers
from sidecar.api.prefer import preferred_wait
from sidecar.api.problems import problem
from sidecar.api.wire import Call, Reply, Route, header_lines, ok, parse_body
from sidecar.core.errors import RequestError
from sidecar.core.ijson import JsonLimits
from sidecar.core.model import Verdict
from sidecar.service.outcomes import Outcomes

_OUTCOMES = ("completed", "failed")


class Decisions:
    """Reads are scoped: a caller finds the decisions that it asked for, and no others."""

    def __init__(self, outcomes: Outcomes, limits: JsonLimits, longest_wait: float) -> None:
        self._outcomes = outcomes
        self._limits = limits
        self._longest_wait = longest_wait

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("GET", "/v1/decisions/{}", self.show),
            Route("POST", "/v1/decisions/{}/outcome", self.report, reads_json=True),
        )

    async def show(self, call: Call) -> Reply:
        found = await self._outcomes.find(call.params[0], call.caller)
        if found is None:
            return _unknown(call)
        applied = b""
        wait = min(preferred_wait(call.headers.get("prefer", "")), self._longest_wait)
        if wait and found.answer.decision.verdict is Verdict.PENDING:
            applied = header_lines(("Preference-Applied", f"wait={wait:g}"))
            found = await self._outcomes.settled(found, call.caller, wait)
        return ok(told(found.answer), verdict_headers(found.answer, call.trace()) + applied)

    async def report(self, call: Call) -> Reply:
        body = parse_body(call, self._limits)
        outcome = body.pop("outcome", None)
        if outcome not in _OUTCOMES:
            raise RequestError(f"must be one of {', '.join(_OUTCOMES)}", field="outcome")
        reported = await self._outcomes.report(call.params[0], outcome, call.caller, body)
        if reported is None:
            return _unknown(call)
        told = {"outcome": outcome, "audit": msgspec.to_builtins(reported.receipt)}
        return ok(told | ({"platform": "owed"} if reported.is_owed else {}))


def _unknown(call: Call) -> Reply:
    return problem(404, f"No decision {call.params[0]} of this caller is known.")
