"""The ASCEND dialect, decision part: the unmodified `ascend-ai-sdk` works against these routes."""

from sidecar import __version__
from sidecar.api.answers import verdict_headers
from sidecar.api.ascend_envelope import approval_status, asked_people, details, envelope
from sidecar.api.ascend_identity import remember, with_agent
from sidecar.api.ascend_orchestration import foreign_parent
from sidecar.api.ascend_replies import PAGE, detail, guarded, number
from sidecar.api.ascend_submit import parse_submit
from sidecar.api.prefer import patience
from sidecar.api.wire import Call, Reply, Route, ok, parse_body
from sidecar.core.ijson import JsonLimits
from sidecar.core.model import Door, Object, Request
from sidecar.service.asked import Answer, Asked
from sidecar.service.outcomes import Outcomes
from sidecar.service.repeats import Repeats
from sidecar.service.state import State
from sidecar.service.waiting import Waiting

_PAGE_AT_MOST = 500


class Ascend:
    """The dialect's routes."""

    def __init__(
        self, repeats: Repeats, outcomes: Outcomes, waiting: Waiting, state: State, limits: JsonLimits
    ) -> None:
        self._repeats = repeats
        self._outcomes = outcomes
        self._waiting = waiting
        self._state = state
        self._limits = limits

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("POST", "/api/v1/actions/submit", guarded(self.submit), reads_json=True),
            Route("GET", "/api/v1/actions/{}/status", guarded(self.status)),
            Route("GET", "/api/v1/actions/{}", guarded(self.show)),
            Route("GET", "/api/sdk/approval/{}", guarded(self.approval)),
            Route("POST", "/api/agent-action/{}/complete", guarded(self.complete), reads_json=True),
            Route("POST", "/api/agent-action/{}/fail", guarded(self.fail), reads_json=True),
            Route("GET", "/api/agent-activity", guarded(self.activity)),
            Route("GET", "/health", self.health),
            Route("GET", "/api/deployment-info", self.deployment),
        )

    async def submit(self, call: Call) -> Reply:
        body = with_agent(parse_body(call, self._limits), call)
        request = parse_submit(body, call.headers.get("x-environment", ""))
        trace = call.trace()
        asked = Asked(request, call.caller, Door.ASCEND, trace, call.via)
        answer = await self._repeats.submit(asked, patience(call.headers))
        foreign = foreign_parent(answer.decision)
        if foreign:
            return detail(403, foreign, verdict_headers(answer, trace))
        told = self._body(request, answer, trace.correlation_id)
        return ok(told, verdict_headers(answer, trace) + remember(call, request.subject.id))

    async def status(self, call: Call) -> Reply:
        told = await self._outcomes.find(call.params[0], call.caller)
        if told is None:
            return _unknown(call)
        told = self._waiting.in_time(told)
        body = self._body(told.record.request, told.answer, told.record.trace.correlation_id)
        body |= asked_people(told.answer.decision.verdict, self._waiting.behind(told))
        return ok(body, verdict_headers(told.answer, call.trace()))

    def _body(self, request: Request, answer: Answer, correlation_id: str) -> Object:
        follow_by = self._waiting.request_id(answer)
        return envelope(request, answer, correlation_id, follow_by, self._state.registry)

    async def show(self, call: Call) -> Reply:
        told = await self._outcomes.find(call.params[0], call.caller)
        return _unknown(call) if told is None else ok(details(told))

    async def approval(self, call: Call) -> Reply:
        """An `approved` here is what the SDK runs the action on, so it is decided again under today's policies."""
        followed = await self._waiting.follow(call.params[0], call.caller)
        if followed is None:
            return detail(404, f"No approval {call.params[0]} of this caller is known.")
        body = approval_status(call.params[0], followed)
        return ok(body, verdict_headers(followed.told.answer, call.trace()))

    async def complete(self, call: Call) -> Reply:
        return await self._report(call, "completed")

    async def fail(self, call: Call) -> Reply:
        return await self._report(call, "failed")

    async def _report(self, call: Call, outcome: str) -> Reply:
        body = parse_body(call, self._limits)
        reported = await self._outcomes.report(call.params[0], outcome, call.caller, body)
        if reported is None:
            return _unknown(call)
        audit = {"seq": reported.receipt.seq, "hash": reported.receipt.hash}
        told = {"success": True, "action_id": int(call.params[0]), "status": outcome, "audit": audit}
        return ok(told | ({"platform": "owed"} if reported.is_owed else {}))

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
