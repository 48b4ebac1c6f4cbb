"""The submit of a tool server's action. The SDK takes for allowed what it cannot read as anything else.

It looks at `status`, `success` and `requires_approval` and at nothing more, so that these three are in every answer.
"""

from typing import Final

import msgspec

from sidecar.api.answers import verdict_headers
from sidecar.api.ascend_envelope import envelope
from sidecar.api.ascend_identity import agent_of, remember
from sidecar.api.ascend_replies import guarded
from sidecar.api.ascend_submit import resource_type
from sidecar.api.prefer import patience
from sidecar.api.wire import Call, Reply, Route, ok, parse_body, read, read_request
from sidecar.core.errors import RequestError
from sidecar.core.ijson import JsonLimits
from sidecar.core.model import Door, Object, Request, Verdict
from sidecar.service.asked import Asked
from sidecar.service.repeats import Repeats
from sidecar.service.state import State
from sidecar.service.waiting import Waiting

_REQUIRED: Final = ("mcp_server", "resource")


class McpSubmit(msgspec.Struct, frozen=True):
    """What is read of the body. The action is `action_type`, else `namespace.verb`."""

    mcp_server: str
    resource: str
    namespace: str | None = None
    verb: str | None = None
    action_type: str | None = None
    description: str | None = None
    parameters: Object | None = None
    context: Object | None = None
    environment: str | None = None
    tool_name: str | None = None


class AscendMcp:
    """The dialect's route for tool servers."""

    def __init__(self, repeats: Repeats, waiting: Waiting, state: State, limits: JsonLimits) -> None:
        self._repeats = repeats
        self._waiting = waiting
        self._state = state
        self._limits = limits

    def routes(self) -> tuple[Route, ...]:
        about = "One decision on a tool server's action (ASCEND)."
        path = "/api/v1/mcp/actions/submit"
        return (Route("POST", path, guarded(self.submit), reads_json=True, about=about, reads=McpSubmit),)

    async def submit(self, call: Call) -> Reply:
        submit = read(parse_body(call, self._limits), McpSubmit)
        request = _request(submit, agent_of(call, self._state), call.headers.get("x-environment", ""))
        trace = call.trace()
        asked = Asked(request, call.caller, Door.ASCEND, trace, call.via)
        answer = await self._repeats.submit(asked, patience(call.headers))
        verdict = answer.decision.verdict
        follow_by = self._waiting.request_id(answer)
        body = envelope(request, answer, trace.correlation_id, follow_by, self._state.registry)
        body |= {"success": verdict is not Verdict.DENY, "requires_approval": verdict is Verdict.PENDING}
        return ok(body, verdict_headers(answer, trace) + remember(call, request.subject.id))


def _request(submit: McpSubmit, agent: str, environment: str) -> Request:
    for name in _REQUIRED:
        if not getattr(submit, name).strip():
            raise RequestError("must not be empty", field=name)
    context = {
        "mcp_server": submit.mcp_server.strip(),
        "namespace": submit.namespace,
        "verb": submit.verb,
        "environment": submit.environment or environment,
    }
    named = {"tool_name": submit.tool_name, "description": submit.description}
    resource = {"type": resource_type(submit.resource), "id": submit.resource}
    return read_request(
        {
            "subject": {"type": "agent", "id": agent},
            "action": {"name": _action(submit), "properties": (submit.parameters or {}) | _given(named)},
            "resource": resource,
            "context": (submit.context or {}) | _given(context),
        }
    )


def _action(submit: McpSubmit) -> str:
    name = submit.action_type or ".".join(part for part in (submit.namespace, submit.verb) if part)
    if not name.strip():
        raise RequestError("must not be empty", field="action_type")
    return name


def _given(members: Object) -> Object:
    return {name: value for name, value in members.items() if value}
