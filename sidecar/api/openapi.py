"""The OpenAPI 3.1 document of the decision doors, made from the types that the doors read."""

from typing import Any, Final

import msgspec

from sidecar import __version__
from sidecar.api.ascend_submit import Submit
from sidecar.api.wire import Call, Reply, Route, ok
from sidecar.core.model import Action, Object, Request, Resource, Subject

_COMPONENTS: Final = "#/components/schemas/{name}"
_LOOSE: Final[Object] = {"type": "object"}


class Batch(msgspec.Struct):
    """Evaluations: the entities beside them are defaults that an item replaces whole, and are not looked at then.

    An item that is no request gets an error of its own.
    """

    evaluations: list[Any]
    subject: Any = None
    action: Any = None
    resource: Any = None
    context: Any = None
    options: Object = {}


class ActionSearch(msgspec.Struct):
    """Which actions would be allowed?"""

    subject: Subject
    resource: Resource
    context: Object = {}


class Outcome(msgspec.Struct):
    """What became of an action: completed or failed, and whatever else there is to say."""

    outcome: str


_READS: Final[dict[str, tuple[str, type | None]]] = {
    "/access/v1/evaluation": ("One decision (AuthZEN 1.0).", Request),
    "/access/v1/evaluations": ("Several decisions, or one (AuthZEN 1.0).", Batch),
    "/access/v1/search/action": ("The actions that would be allowed (AuthZEN 1.0).", ActionSearch),
    "/.well-known/authzen-configuration": ("Metadata (AuthZEN 1.0).", None),
    "/v1/decisions/{}": ("A decision of this caller, as it stands now.", None),
    "/v1/decisions/{}/outcome": ("Report what became of an action.", Outcome),
    "/api/v1/actions/submit": ("One decision (ASCEND).", Submit),
    "/api/v1/actions/{}/status": ("A decision of this caller (ASCEND).", None),
    "/api/v1/actions/{}": ("Details of an action of this caller (ASCEND).", None),
    "/api/sdk/approval/{}": ("How a request for approval of this caller stands (ASCEND).", None),
    "/api/agent-action/{}/complete": ("Report completion (ASCEND).", dict),
    "/api/agent-action/{}/fail": ("Report failure (ASCEND).", dict),
    "/api/agent-activity": ("This caller's newest actions (ASCEND).", None),
    "/health": ("Whether anything answers (ASCEND).", None),
    "/api/deployment-info": ("Version (ASCEND).", None),
}


class OpenApi:
    """Serves the document; `routes` are the door's own, so that none is left out."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self._reply = ok(document(routes))

    def routes(self) -> tuple[Route, ...]:
        return (Route("GET", "/openapi.json", self.show),)

    async def show(self, _call: Call) -> Reply:
        return self._reply


def document(routes: tuple[Route, ...]) -> Object:
    """The whole document as JSON. A route that nothing describes is a KeyError, at start and in every test."""
    reads = (_description(route)[1] for route in routes)
    types = {read for read in reads if read is not None and read is not dict}
    _, schemas = msgspec.json.schema_components([*types, Action], ref_template=_COMPONENTS)
    paths: dict[str, Any] = {}
    for route in routes:
        named = route.path.replace("{}", "{id}", 1).replace("{}", "{other}")
        paths.setdefault(named, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "ascend-sidecar", "version": __version__},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _operation(route: Route) -> Object:
    summary, read = _description(route)
    operation: Object = {"summary": summary, "responses": _responses(streams=route.streams)}
    if count := route.path.count("{}"):
        operation["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
            for name in ("id", "other")[:count]
        ]
    if read is not None:
        schema = _LOOSE if read is dict else {"$ref": _COMPONENTS.format(name=read.__name__)}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation


def _description(route: Route) -> tuple[str, type | None]:
    return (route.about, route.reads) if route.about else _READS[route.path]


def _responses(*, streams: bool) -> Object:
    answer: Object = {"description": "An answer.", "content": {"application/json": {"schema": _LOOSE}}}
    if streams:
        text = {"schema": {"type": "string"}}
        answer = {"description": "Goes on.", "content": {"text/event-stream": text, "text/plain": text}}
    refused: Object = {
        "description": "The request is not one that can be answered; the field is named.",
        "content": {"application/problem+json": {"schema": _LOOSE}, "application/json": {"schema": _LOOSE}},
    }
    return {"200": answer, "4XX": refused}
