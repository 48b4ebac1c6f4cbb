"""OpenID AuthZEN Authorization API 1.0: evaluation, evaluations, action search, metadata."""

from collections.abc import Awaitable, Sequence
from typing import Any, Final

from sidecar.api.answers import Told, told, verdict_headers
from sidecar.api.prefer import patience
from sidecar.api.wire import Call, Reply, Route, header_lines, ok, parse_body, read_request
from sidecar.core.errors import RequestError
from sidecar.core.ijson import JsonLimits
from sidecar.core.model import Door, Object, Verdict
from sidecar.core.record import Trace
from sidecar.service.asked import Answer, Asked
from sidecar.service.decide import Decider
from sidecar.service.search import Search

_UNTIL: Final = {
    "execute_all": frozenset[Verdict](),
    "deny_on_first_deny": frozenset({Verdict.PENDING, Verdict.DENY}),
    "permit_on_first_permit": frozenset({Verdict.ALLOW}),
}
_ENTITIES: Final = ("subject", "action", "resource", "context")


class AuthZen:
    """The dialect's routes. `base_url` is what its metadata names as the decision point."""

    def __init__(
        self, decider: Decider, search: Search, limits: JsonLimits, batch: int, base_url: str
    ) -> None:
        self._decider = decider
        self._search = search
        self._limits = limits
        self._batch = batch
        self._base_url = base_url

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("POST", "/access/v1/evaluation", self.evaluation, reads_json=True),
            Route("POST", "/access/v1/evaluations", self.evaluations, reads_json=True),
            Route("POST", "/access/v1/search/action", self.search_action, reads_json=True),
            Route("GET", "/.well-known/authzen-configuration", self.configuration),
        )

    def evaluation(self, call: Call) -> Awaitable[Reply]:
        return self._single(call, parse_body(call, self._limits))

    async def _single(self, call: Call, body: Object) -> Reply:
        trace = call.trace()
        asked = Asked(read_request(body), call.caller, Door.AUTHZEN, trace, call.via)
        answer = await self._decider.decide(asked, patience(call.headers))
        return ok(told(answer), verdict_headers(answer, trace))

    async def evaluations(self, call: Call) -> Reply:
        """7.1: without items the body is a single request and gets a single answer."""
        body = parse_body(call, self._limits)
        items = body.get("evaluations")
        if items is None or items == []:
            return await self._single(call, body)
        if not isinstance(items, list):
            raise RequestError("must be an array", field="evaluations")
        if len(items) > self._batch:
            raise RequestError(
                f"has {len(items)} items; at most {self._batch} are taken", field="evaluations"
            )
        options = _options(body)
        batch = [_item(body, item, index) for index, item in enumerate(items)]
        answers = await self._decide_batch(call, batch, options)
        return ok({"evaluations": answers}, _echo(call.trace()))

    async def _decide_batch(
        self, call: Call, batch: Sequence[Object | RequestError], options: Object
    ) -> list[Told | Object]:
        until, verbose = _UNTIL[options["evaluations_semantic"]], options["context"] is True
        trace = call.trace()
        items: list[Told | Object] = []
        asked: list[Asked] = []

        async def flush() -> bool:
            answers = await self._decider.decide_all(asked, until, patience(call.headers))
            items.extend(_tell(answer, verbose) for answer in answers)
            ended = len(answers) < len(asked) or bool(answers and answers[-1].decision.verdict in until)
            asked.clear()
            return ended

        for item in batch:
            try:
                if isinstance(item, RequestError):
                    raise item
                asked.append(Asked(read_request(item), call.caller, Door.AUTHZEN, trace, call.via))
            except RequestError as error:
                if await flush():
                    return items
                items.append({"decision": False, "context": {"error": _error(error)}})
                if Verdict.DENY in until:
                    return items
        await flush()
        return items

    async def search_action(self, call: Call) -> Reply:
        """8.4: the actions that would be allowed; an unknown subject or resource has none."""
        body = parse_body(call, self._limits)
        request = read_request({**body, "action": {"name": "*"}})
        names = await self._search.actions(request, call.caller)
        return ok({"results": [{"name": name} for name in names]}, _echo(call.trace()))

    async def configuration(self, _call: Call) -> Reply:
        base = self._base_url
        return ok(
            {
                "policy_decision_point": base,
                "access_evaluation_endpoint": f"{base}/access/v1/evaluation",
                "access_evaluations_endpoint": f"{base}/access/v1/evaluations",
                "search_action_endpoint": f"{base}/access/v1/search/action",
            }
        )


def _options(body: Object) -> Object:
    options: Any = body.get("options", {})
    if not isinstance(options, dict):
        raise RequestError("must be an object", field="options")
    semantic = options.get("evaluations_semantic", "execute_all")
    if semantic not in _UNTIL:
        raise RequestError(f"must be one of {', '.join(_UNTIL)}", field="options.evaluations_semantic")
    return {"evaluations_semantic": semantic, "context": options.get("context")}


def _item(body: Object, item: object, index: int) -> Object | RequestError:
    """7.1.1: a key of the item replaces the whole default entity; a default that is replaced is never looked at."""
    if not isinstance(item, dict):
        return RequestError("must be an object", field=f"evaluations[{index}]")
    return {name: item.get(name, body.get(name)) for name in _ENTITIES if name in item or name in body}


def _tell(answer: Answer, verbose: bool) -> Told | Object:
    return told(answer) if verbose else {"decision": answer.decision.verdict is Verdict.ALLOW}


def _error(error: RequestError) -> Object:
    return {"status": error.status, "message": str(error)}


def _echo(trace: Trace) -> bytes:
    return header_lines(("X-Request-ID", trace.request_id)) if trace.request_id else b""
