"""The ASCEND dialect, decision part: the unmodified `ascend-ai-sdk` works against these routes."""

from sidecar import __version__
from sidecar.api.answers import verdict_headers
from sidecar.api.ascend_envelope import details, envelope
from sidecar.api.ascend_identity import remember
from sidecar.api.ascend_replies import PAGE, detail, guarded, number
from sidecar.api.ascend_submit import parse_submit
from sidecar.api.wire import Call, Reply, Route, ok, parse_body
from sidecar.core.ijson import JsonLimits
from sidecar.core.model import Door, Object
from sidecar.service.decide import Asked
from sidecar.service.outcomes import Outcomes
from sidecar.service.repeats import Repeats
from sidecar.service.state import State

_PAGE_AT_MOST = 500


class Ascend:
    """The dialect's routes."""

    def __init__(self, repeats: Repeats, outcomes: Outcomes, state: State, limits: JsonLimits) -> None:
        self._repeats = repeats
        self._outcomes = outcomes
        self._state = state
        self._limits = limits

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("POST", "/api/v1/actions/submit", guarded(self.submit), reads_json=True),
            Route("GET", "/api/v1/actions/{}/status", guarded(self.status)),
            Route("GET", "/api/v1/actions/{}", guarded(self.show)),
            Route("POST", "/api/agent-action/{}/complete", guarded(self.complete), reads_json=True),
            Route("POST", "/api/agent-action/{}/fail", guarded(self.fail), reads_json=True),
            Route("GET", "/api/agent-activity", guarded(self.activity)),
            Route("GET", "/health", self.health),
            Route("GET", "/api/deployment-info", self.deployment),
        )

    async def submit(self, call: Call) -> Reply:
        request = parse_submit(parse_body(call, self._limits), call.headers.get("x-environment", ""))
        trace = call.trace()
        answer = await self._repeats.submit(Asked(request, call.caller, Door.ASCEND, trace))
        body = envelope(request, answer, trace.correlation_id, self._state.registry)
        return ok(body, (*verdict_headers(answer, trace), *remember(call, request.subject.id)))

    async def status(self, call: Call) -> Reply:
        told = await self._outcomes.find(call.params[0], call.caller)
        if told is None:
            return _unknown(call)
        correlation_id = told.record.trace.correlation_id
        body = envelope(told.record.request, told.answer, correlation_id, self._state.registry)
        return ok(body, verdict_headers(told.answer, call.trace()))

    async def show(self, call: Call) -> Reply:
        told = await self._outcomes.find(call.params[0], call.caller)
        return _unknown(call) if told is None else ok(details(told))

    async def complete(self, call: Call) -> Reply:
        return await self._report(call, "completed")

    async def fail(self, call: Call) -> Reply:
        return await self._report(call, "failed")

    async def _report(self, call: Call, outcome: str) -> Reply:
        body = parse_body(call, self._limits)
        receipt = await self._outcomes.report(call.params[0], outcome, call.caller, body)
        if receipt is None:
            return _unknown(call)
        audit = {"seq": receipt.seq, "hash": receipt.hash}
        return ok({"success": True, "action_id": int(call.params[0]), "status": outcome, "audit": audit})

    async def activity(self, call: Call) -> Reply:
        limit = number(call, "limit", PAGE, most=_PAGE_AT_MOST)
        offset = number(call, "offset", 0)
        found = [details(told) for told in await self._outcomes.newest(call.caller)]
        found = [one for one in found if _asked_for(one, call)]
        page = found[offset : offset + limit]
        return ok({"actions": page, "total": len(found), "limit": limit, "offset": offset})

    async def health(self, _call: Call) -> Reply:
        return ok({"status": "healthy", "service": "ascend-sidecar", "version": __version__})

    async def deployment(self, call: Call) -> Reply:
        return ok({"version": __version__, "environment": call.headers.get("x-environment", "production")})


def _asked_for(found: Object, call: Call) -> bool:
    wanted = {name: call.query[name] for name in ("status", "agent_id") if call.query.get(name)}
    return all(found[name] == value for name, value in wanted.items())


def _unknown(call: Call) -> Reply:
    return detail(404, f"No action {call.params[0]} of this caller is known.")
