"""The ASCEND dialect, decision part: the unmodified `ascend-ai-sdk` works against these routes.

It repeats 429 and 5xx, waits on Retry-After and cannot read an empty answer: so every answer here is 200 with an
object, or 401, 403, 404 or 422 with a string `detail`.
"""

from collections.abc import Awaitable, Callable

from sidecar import __version__
from sidecar.api.answers import verdict_headers
from sidecar.api.ascend_envelope import approval_status, details, envelope
from sidecar.api.ascend_submit import parse_submit
from sidecar.api.wire import Call, Handler, Reply, Route, encode, ok, parse_body
from sidecar.core.errors import AuditError, RequestError
from sidecar.core.ijson import JsonLimits
from sidecar.core.model import Door, Object
from sidecar.service.decide import Asked
from sidecar.service.outcomes import Outcomes
from sidecar.service.repeats import Repeats
from sidecar.service.waiting import Waiting

_PAGE = 50
_PAGE_AT_MOST = 500


class Ascend:
    """The dialect's routes."""

    def __init__(self, repeats: Repeats, outcomes: Outcomes, waiting: Waiting, limits: JsonLimits) -> None:
        self._repeats = repeats
        self._outcomes = outcomes
        self._waiting = waiting
        self._limits = limits

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("POST", "/api/v1/actions/submit", _guarded(self.submit), reads_json=True),
            Route("GET", "/api/v1/actions/{}/status", _guarded(self.status)),
            Route("GET", "/api/v1/actions/{}", _guarded(self.show)),
            Route("GET", "/api/sdk/approval/{}", _guarded(self.approval)),
            Route("POST", "/api/agent-action/{}/complete", _guarded(self.complete), reads_json=True),
            Route("POST", "/api/agent-action/{}/fail", _guarded(self.fail), reads_json=True),
            Route("GET", "/api/agent-activity", _guarded(self.activity)),
            Route("GET", "/health", self.health),
            Route("GET", "/api/deployment-info", self.deployment),
        )

    async def submit(self, call: Call) -> Reply:
        request = parse_submit(parse_body(call, self._limits), call.headers.get("x-environment", ""))
        trace = call.trace()
        asked = Asked(request, call.caller, Door.ASCEND, trace, call.via)
        answer = await self._repeats.submit(asked)
        follow_by = self._waiting.request_id(answer)
        return ok(envelope(request, answer, trace.correlation_id, follow_by), verdict_headers(answer, trace))

    async def status(self, call: Call) -> Reply:
        told = await self._outcomes.find(call.params[0], call.caller)
        if told is None:
            return _unknown(call)
        told = self._waiting.in_time(told)
        follow_by = self._waiting.request_id(told.answer)
        body = envelope(told.record.request, told.answer, told.record.trace.correlation_id, follow_by)
        return ok(body, verdict_headers(told.answer, call.trace()))

    async def show(self, call: Call) -> Reply:
        told = await self._outcomes.find(call.params[0], call.caller)
        return _unknown(call) if told is None else ok(details(told))

    async def approval(self, call: Call) -> Reply:
        """An `approved` here is what the SDK runs the action on, so it is decided again under today's policies."""
        followed = await self._waiting.follow(call.params[0], call.caller)
        if followed is None:
            return _detail(404, f"No approval {call.params[0]} of this caller is known.")
        body = approval_status(call.params[0], followed)
        return ok(body, verdict_headers(followed.told.answer, call.trace()))

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
        limit = min(_number(call, "limit", _PAGE), _PAGE_AT_MOST)
        offset = _number(call, "offset", 0)
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


def _number(call: Call, name: str, default: int) -> int:
    text = call.query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise RequestError("must be a whole number from 0", field=name)
    return int(text)


def _unknown(call: Call) -> Reply:
    return _detail(404, f"No action {call.params[0]} of this caller is known.")


def _detail(status: int, detail: str) -> Reply:
    return Reply(status, encode({"detail": detail}))


def _guarded(handler: Callable[[Call], Awaitable[Reply]]) -> Handler:
    """Errors in the one shape that the SDK reads."""

    async def guarded(call: Call) -> Reply:
        try:
            return await handler(call)
        except RequestError as error:
            return _detail(422, str(error))
        except AuditError:
            return _detail(403, "The log cannot be written; nothing was recorded.")

    return guarded
