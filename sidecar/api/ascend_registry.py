"""What the bundle registers, in the ASCEND dialect: MCP servers, and classes of data."""

import msgspec

from sidecar.api.ascend_replies import detail, guarded
from sidecar.api.wire import Call, Reply, Route, ok
from sidecar.core.model import Object
from sidecar.core.registry import Classification, McpServer
from sidecar.service.state import State

_SERVERS = "/api/registry/mcp-servers"


class AscendRegistry:
    """Read-only: what is registered changes with the bundle."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> tuple[Route, ...]:
        health, classes = (
            "/api/authorization/mcp-discovery/health-monitor",
            "/api/v1/resource-classifications",
        )
        return (
            Route("GET", _SERVERS, guarded(self.servers), about="The MCP servers of the bundle (ASCEND)."),
            Route("GET", f"{_SERVERS}/{{}}", guarded(self.server), about="One MCP server (ASCEND)."),
            Route("GET", health, guarded(self.health), about="Standing of the MCP servers (ASCEND)."),
            Route("GET", classes, guarded(self.classifications), about="Classes of data (ASCEND)."),
        )

    async def servers(self, _call: Call) -> Reply:
        servers = [_server(name, one) for name, one in (self._state.registry.servers or {}).items()]
        return ok({"servers": servers, "total": len(servers)})

    async def server(self, call: Call) -> Reply:
        found = self._state.registry.server(call.params[0])
        if found is None:
            return detail(404, f"No MCP server {call.params[0]} is registered.")
        return ok(_server(call.params[0], found))

    async def health(self, _call: Call) -> Reply:
        """Their standing in the bundle: nobody here looks at whether they answer."""
        servers = [
            {"server_name": name, "status": _status(one)}
            for name, one in (self._state.registry.servers or {}).items()
        ]
        return ok({"servers": servers, "total": len(servers), "monitored": False})

    async def classifications(self, call: Call) -> Reply:
        wanted = call.query.get("resource_type", "")
        classes = [
            _class(name, one)
            for name, one in self._state.registry.classifications.items()
            if wanted in ("", name)
        ]
        return ok({"classifications": classes, "total": len(classes)})


def _server(name: str, server: McpServer) -> Object:
    told: Object = {"server_name": name} | msgspec.to_builtins(server)
    return told | {
        "display_name": server.display_name or name,
        "status": _status(server),
        "governance_enabled": True,
    }


def _status(server: McpServer) -> str:
    return "active" if server.active else "inactive"


def _class(name: str, one: Classification) -> Object:
    return {
        "resource_id": one.resource_id or name,
        "resource_type": name,
        "sensitivity_level": one.sensitivity_level,
        "compliance_tags": one.compliance_tags,
        "metadata": {"description": one.description} if one.description else {},
    }
