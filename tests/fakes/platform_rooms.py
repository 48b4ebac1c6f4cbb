"""What the platform keeps besides actions: webhooks, tool servers, components, sessions. By method and path."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Body = dict[str, Any]
Answer = tuple[int, Any]


@dataclass
class PlatformRooms:
    """`scans` are the texts that it was given to scan."""

    webhooks: dict[str, Body] = field(default_factory=dict)
    servers: dict[str, Body] = field(default_factory=dict)
    components: list[Body] = field(default_factory=list)
    scans: list[Body] = field(default_factory=list)

    def answer(self, method: str, path: str, body: Body) -> Answer | None:
        """None for what no room knows."""
        for verb, pattern, handler in _ROUTES:
            match = re.fullmatch(pattern, path)
            if match and verb == method:
                return handler(self, body, *match.groups())
        return None


def _hooks(rooms: PlatformRooms, body: Body) -> Answer:
    hidden = [{name: value for name, value in one.items() if name != "secret"} for one in _of(rooms.webhooks)]
    return 200, {"webhooks": hidden, "total": len(hidden)}


def _configure(rooms: PlatformRooms, body: Body) -> Answer:
    name = f"wh-{len(rooms.webhooks) + 1}"
    rooms.webhooks[name] = body | {"webhook_id": name, "active": True}
    return 201, {"webhook_id": name, "url": body["url"]}


def _update(rooms: PlatformRooms, body: Body, name: str) -> Answer:
    if name not in rooms.webhooks:
        return _unknown()
    rooms.webhooks[name] |= body
    return 200, rooms.webhooks[name]


def _unhook(rooms: PlatformRooms, body: Body, name: str) -> Answer:
    return (204, None) if rooms.webhooks.pop(name, None) else _unknown()


def _ring(rooms: PlatformRooms, body: Body, name: str) -> Answer:
    known = name in rooms.webhooks
    return (200, {"success": True, "status_code": 200, "response_time_ms": 3}) if known else _unknown()


def _servers(rooms: PlatformRooms, body: Body) -> Answer:
    return 200, {"servers": _of(rooms.servers), "total": len(rooms.servers)}


def _enter(rooms: PlatformRooms, body: Body) -> Answer:
    rooms.servers[body["server_name"]] = body | {"is_active": True}
    return 201, {"success": True, "server": rooms.servers[body["server_name"]]}


def _server(rooms: PlatformRooms, body: Body, name: str) -> Answer:
    return (200, rooms.servers[name]) if name in rooms.servers else _unknown()


def _leave(rooms: PlatformRooms, body: Body, name: str) -> Answer:
    return (200, {"success": True}) if rooms.servers.pop(name, None) else _unknown()


def _switch(rooms: PlatformRooms, body: Body, name: str, how: str) -> Answer:
    if name not in rooms.servers:
        return _unknown()
    rooms.servers[name]["is_active"] = how == "activate"
    return 200, {"success": True}


def _scan(rooms: PlatformRooms, body: Body) -> Answer:
    rooms.scans.append(body)
    return 200, {"blocked": False, "result": "clean", "by": "platform"}


def _component(rooms: PlatformRooms, body: Body) -> Answer:
    rooms.components.append(body)
    return 201, {"success": True, "component": body}


def _components(rooms: PlatformRooms, body: Body) -> Answer:
    return 200, {"components": rooms.components, "total": len(rooms.components)}


def _done(rooms: PlatformRooms, body: Body, *names: str) -> Answer:
    return 200, {"success": True, "names": list(names), "by": "platform"}


def _link(rooms: PlatformRooms, body: Body, agent: str) -> Answer:
    return 200, {"success": True, "agent": {"agent_id": agent, "model_id": body["model_id"]}}


def _evaluate(rooms: PlatformRooms, body: Body) -> Answer:
    told = {"decision": "require_approval", "matched_policies": [], "violations": [], "by": "platform"}
    return 200, told | {"risk_score": 50, "evaluation_time_ms": 1}


def _humans_only(rooms: PlatformRooms, body: Body, agent: str) -> Answer:
    return 403, {"detail": {"error": "governance violation", "detail": "for human administrators only"}}


def _of(kept: dict[str, Body]) -> list[Body]:
    return list(kept.values())


def _unknown() -> Answer:
    return 404, {"detail": "not found there"}


_HOOK, _SERVER = "/api/webhooks", "/api/registry/mcp-servers"
_ROUTES: list[tuple[str, str, Callable[..., Answer]]] = [
    ("GET", _HOOK, _hooks),
    ("POST", f"{_HOOK}/configure", _configure),
    ("PUT", f"{_HOOK}/([^/]+)", _update),
    ("DELETE", f"{_HOOK}/([^/]+)", _unhook),
    ("POST", f"{_HOOK}/([^/]+)/test", _ring),
    ("GET", _SERVER, _servers),
    ("POST", _SERVER, _enter),
    ("GET", f"{_SERVER}/([^/]+)", _server),
    ("DELETE", f"{_SERVER}/([^/]+)", _leave),
    ("POST", f"{_SERVER}/([^/]+)/(activate|deactivate)", _switch),
    ("PUT", "/api/registry/agents/([^/]+)", _link),
    ("POST", r"/api/billing/kill-switch/(\d+)/(trigger|release)", _done),
    ("POST", "/api/governance/policies/evaluate-realtime", _evaluate),
    ("GET", "/api/v1/resource-classifications", lambda rooms, body: (200, {"classifications": []})),
    ("GET", "/audit/logs", lambda rooms, body: (200, {"events": [], "total": 0, "by": "platform"})),
    ("POST", "/api/authorization/mcp-discovery/scan-network", _done),
    ("GET", "/api/authorization/mcp-discovery/health-monitor", _done),
    ("POST", "/api/v1/orchestration/topology", _done),
    ("POST", "/api/v1/orchestration/topology/mcp", _done),
    ("POST", "/api/v1/orchestration/cascade-kill/([^/]+)", _humans_only),
    ("GET", "/api/v1/orchestration/sessions/([^/]+)", _done),
    ("GET", "/api/v1/orchestration/sessions/([^/]+)/risk", _done),
    ("GET", "/api/v1/orchestration/stats", _done),
    ("GET", "/api/v1/output-filter/config", _done),
    ("GET", "/api/v1/output-filter/findings", lambda rooms, body: (200, {"findings": [], "total": 0})),
    ("GET", r"/api/v1/output-filter/findings/(\d+)", _done),
    ("POST", "/api/v1/output-filter/scan", _scan),
    ("POST", "/api/v1/supply-chain/components", _component),
    ("GET", "/api/v1/supply-chain/components", _components),
    ("GET", r"/api/v1/supply-chain/impact/(\d+)", _done),
    ("GET", "/api/v1/supply-chain/stats", _done),
    ("GET", "/api/v1/supply-chain/sync/status", _done),
    ("GET", "/api/alerts", lambda rooms, body: (200, {"alerts": [], "total": 0})),
]
