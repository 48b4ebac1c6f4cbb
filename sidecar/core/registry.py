"""The registry: the MCP servers, models and data classes that a bundle knows, and what it refuses of a request.

`data/mcp_servers.yaml` and `data/models.yaml` gate: a request that names a server or model passes only if the
document has it in good standing. Without the document nothing is gated. What a request names is `mcp_server` and
`model_id` of its context.
"""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final

import msgspec

from sidecar.core.masks import RESOURCE_ID, Path
from sidecar.core.model import JSON, Code, Request

_BEFORE_TOOL: Final = re.compile(r".*(?:[/:.]|__)")
TOOL_KEYS: Final = ("tool_name", "tool")
TOOL_TYPES: Final = frozenset({"tool", "mcp_tool"})
_MODEL_PATH: Final[Path] = ("context", "model_id")
_SERVER_PATH: Final[Path] = ("context", "mcp_server")
_TOOL_PATHS: Final[tuple[Path, ...]] = tuple(
    (*part, key) for part in (("action", "properties"), ("context",)) for key in TOOL_KEYS
)


class McpServer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of `data/mcp_servers.yaml`, by the server's name. Tools are blocked in whatever case they come."""

    active: bool = True
    blocked_tools: tuple[str, ...] = ()
    display_name: str = ""
    description: str = ""
    transport_type: str = "stdio"
    server_url: str = ""


class Compliance(StrEnum):
    """How far a model is approved; only the first two may be used."""

    APPROVED = "approved"
    PARTIALLY_APPROVED = "partially_approved"
    PENDING = "pending"
    REJECTED = "rejected"


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of `data/models.yaml`, by the model's id."""

    compliance_status: Compliance
    provider: str = ""
    description: str = ""

    @property
    def is_usable(self) -> bool:
        return self.compliance_status in (Compliance.APPROVED, Compliance.PARTIALLY_APPROVED)


class Classification(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of `data/classifications.yaml`, by the type of resource. It informs, and gates nothing."""

    sensitivity_level: str
    compliance_tags: tuple[str, ...] = ()
    resource_id: str = ""
    description: str = ""


class Objection(msgspec.Struct, frozen=True, gc=False):
    """Why a request may not use the server or model that it names."""

    code: Code
    reason: str


class Registry:
    """`servers` and `models` are None where the bundle has no such document."""

    __slots__ = ("classifications", "gates", "models", "servers")

    def __init__(
        self,
        servers: Mapping[str, McpServer] | None = None,
        models: Mapping[str, Model] | None = None,
        classifications: Mapping[str, Classification] | None = None,
    ) -> None:
        self.servers = servers
        self.models = models
        self.classifications = classifications or {}
        self.gates = servers is not None or models is not None

    def server(self, name: JSON) -> McpServer | None:
        return self.servers.get(name) if self.servers and isinstance(name, str) else None

    def model(self, name: JSON) -> Model | None:
        return self.models.get(name) if self.models and isinstance(name, str) else None

    def reads(self, request: Request) -> tuple[Path, ...]:
        """The paths of the request that an objection could turn on."""
        paths: list[Path] = [_MODEL_PATH] if self.models is not None else []
        if self.servers is not None:
            paths += [_SERVER_PATH, *_TOOL_PATHS]
            paths += [RESOURCE_ID] if request.resource.type in TOOL_TYPES else []
        return tuple(paths)

    def objection(self, request: Request) -> Objection | None:
        """The first thing that speaks against the server, the tool or the model that the request names."""
        server, model = request.context.get("mcp_server"), request.context.get("model_id")
        found = self._of_server(server, request) if server is not None and self.servers is not None else None
        if found is None and model is not None and self.models is not None:
            found = self._of_model(model)
        return found

    def _of_server(self, name: JSON, request: Request) -> Objection | None:
        server = self.server(name)
        if server is None:
            return Objection(Code.MCP_SERVER_UNREGISTERED, "This MCP server is not registered.")
        if not server.active:
            return Objection(Code.MCP_SERVER_DEACTIVATED, "This MCP server is deactivated.")
        if is_blocked(server, request):
            return Objection(Code.MCP_TOOL_BLOCKED, "This tool of the MCP server is blocked.")
        return None

    def _of_model(self, name: JSON) -> Objection | None:
        model = self.model(name)
        if model is None:
            return Objection(Code.MODEL_NOT_APPROVED, "This model is not registered.")
        if not model.is_usable:
            reason = f"The compliance status of this model is {model.compliance_status}."
            return Objection(Code.MODEL_NOT_APPROVED, reason)
        return None


def is_blocked(server: McpServer, request: Request) -> bool:
    """Whether the request names a blocked tool, in any of the places where tools are named."""
    blocked = {name.strip().lower() for name in server.blocked_tools}
    if not blocked:
        return False
    # What is no string cannot be told from a blocked name.
    return any(not isinstance(name, str) or name.strip().lower() in blocked for name in named_tools(request))


def named_tools(request: Request) -> Iterator[JSON]:
    """What the request could use as a tool, as it is named in each of the places where tools are."""
    action, resource = request.action, request.resource
    yield from tools_of_action(action.name)
    if resource.type in TOOL_TYPES:
        yield resource.id
    for part in (action.properties, request.context):
        yield from (part[key] for key in TOOL_KEYS if part.get(key) is not None)


def tools_of_action(name: str) -> tuple[str, str]:
    """What an action could use as a tool: its own name, and the last part of that."""
    return name, _BEFORE_TOOL.sub("", name)
