"""Calls of the ASCEND API that change something outside the agent that calls: registries, webhooks, kill switches.

Each is first decided as an action of its own, `platform.<name>` on what it is about. What policy allows is then
passed on with the caller's own key; without a platform nobody can do it, but for deregistering, which is ours too.
"""

from typing import Final

import msgspec

from sidecar.api.answers import verdict_headers
from sidecar.api.ascend_forward import AscendForward, filled
from sidecar.api.ascend_identity import agent_of
from sidecar.api.ascend_replies import detail, guarded
from sidecar.api.prefer import patience
from sidecar.api.wire import Call, Handler, Reply, Route, ok, parse_body, read_request
from sidecar.core.errors import RequestError
from sidecar.core.ijson import JsonLimits
from sidecar.core.model import Door, Object, Request, Verdict
from sidecar.service.agents_seen import AgentsSeen
from sidecar.service.asked import Answer, Asked
from sidecar.service.repeats import Repeats
from sidecar.service.state import State


class Change(msgspec.Struct, frozen=True):
    """`kind` is the type of the resource; its id the path's parameter, else the body's `field`, else `local`."""

    name: str
    method: str
    path: str
    kind: str
    field: str = ""
    has_body: bool = True


_AGENTS: Final = "/api/registry/agents"
_SERVERS: Final = "/api/registry/mcp-servers"
_WEBHOOKS: Final = "/api/webhooks"
_KILL: Final = "/api/billing/kill-switch/{}"
_ORCHESTRATION: Final = "/api/v1/orchestration"
_SCAN: Final = "/api/authorization/mcp-discovery/scan-network"

CHANGES: Final = (
    Change("link_model", "PUT", f"{_AGENTS}/{{}}", "agent"),
    Change("deregister_agent", "DELETE", f"{_AGENTS}/{{}}", "agent", has_body=False),
    Change("trigger_kill_switch", "POST", f"{_KILL}/trigger", "organization"),
    Change("release_kill_switch", "POST", f"{_KILL}/release", "organization"),
    Change("configure_webhook", "POST", f"{_WEBHOOKS}/configure", "webhook", "url"),
    Change("update_webhook", "PUT", f"{_WEBHOOKS}/{{}}", "webhook"),
    Change("delete_webhook", "DELETE", f"{_WEBHOOKS}/{{}}", "webhook", has_body=False),
    Change("test_webhook", "POST", f"{_WEBHOOKS}/{{}}/test", "webhook", has_body=False),
    Change("register_mcp_server", "POST", _SERVERS, "mcp_server", "server_name"),
    Change("delete_mcp_server", "DELETE", f"{_SERVERS}/{{}}", "mcp_server", has_body=False),
    Change("activate_mcp_server", "POST", f"{_SERVERS}/{{}}/activate", "mcp_server", has_body=False),
    Change("deactivate_mcp_server", "POST", f"{_SERVERS}/{{}}/deactivate", "mcp_server", has_body=False),
    Change("scan_mcp_network", "POST", _SCAN, "network", has_body=False),
    Change("register_topology", "POST", f"{_ORCHESTRATION}/topology", "agent", "orchestrator_agent_id"),
    Change(
        "register_mcp_topology", "POST", f"{_ORCHESTRATION}/topology/mcp", "agent", "orchestrator_agent_id"
    ),
    Change("cascade_kill", "POST", f"{_ORCHESTRATION}/cascade-kill/{{}}", "agent"),
    Change("register_component", "POST", "/api/v1/supply-chain/components", "component", "component_id"),
)
DEREGISTER: Final = "deregister_agent"


class AscendChanges:
    """One route a change."""

    def __init__(
        self,
        repeats: Repeats,
        seen: AgentsSeen,
        state: State,
        limits: JsonLimits,
        forward: AscendForward | None = None,
    ) -> None:
        self._state = state
        self._forward = forward
        self._repeats = repeats
        self._seen = seen
        self._limits = limits

    def routes(self) -> tuple[Route, ...]:
        return tuple(self._route(change) for change in CHANGES)

    def _route(self, change: Change) -> Route:
        about = f"Decided as the action platform.{change.name} (ASCEND)."
        reads = dict if change.has_body else None
        handler = guarded(self._handler(change))
        return Route(change.method, change.path, handler, reads_json=True, about=about, reads=reads)

    def _handler(self, change: Change) -> Handler:
        async def handler(call: Call) -> Reply:
            body = parse_body(call, self._limits) if call.body or change.has_body else {}
            request = _request(change, call, body, agent_of(call, self._state))
            trace = call.trace()
            answer = await self._repeats.submit(
                Asked(request, call.caller, Door.ASCEND, trace, call.via), patience(call.headers)
            )
            headers = verdict_headers(answer, trace)
            if answer.decision.verdict is not Verdict.ALLOW:
                return detail(403, _why(answer), headers)
            return await self._do(change, call, body, headers)

        return handler

    async def _do(self, change: Change, call: Call, body: Object, headers: bytes) -> Reply:
        if change.name == DEREGISTER:
            self._seen.forget(call.caller, call.params[0])
        if self._forward is not None:
            return await self._forward.change(
                call, change.method, filled(change.path, call.params), body, headers
            )
        if change.name == DEREGISTER:
            return ok({"success": True, "agent_id": call.params[0], "status": "deregistered"}, headers)
        text = f"Policy allows platform.{change.name}, but only the ASCEND platform can do it, and none is set up."
        return detail(422, text, headers)


def _request(change: Change, call: Call, body: Object, agent: str) -> Request:
    return read_request(
        {
            "subject": {"type": "agent", "id": agent},
            "action": {"name": f"platform.{change.name}", "properties": body},
            "resource": {"type": change.kind, "id": _target(change, call, body)},
        }
    )


def _target(change: Change, call: Call, body: Object) -> str:
    if call.params:
        return call.params[0]
    if not change.field:
        return "local"
    target = body.get(change.field)
    if not isinstance(target, str) or not target.strip():
        raise RequestError("must be a string that is not empty", field=change.field)
    return target


def _why(answer: Answer) -> str:
    """The reason as plain text: the SDK takes an object that speaks of governance for a success."""
    reason = answer.decision.reason or "This is not allowed."
    return (
        f"{reason} Approval {answer.hold.id} is open; send this again once it is given."
        if answer.hold
        else reason
    )
