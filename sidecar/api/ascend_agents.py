"""Agents in the ASCEND dialect: register, heartbeat and health.

What an agent says of itself is kept in memory, told to the caller that said it, and grants nothing.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from sidecar import __version__
from sidecar.api.ascend_identity import remember
from sidecar.api.ascend_replies import guarded
from sidecar.api.wire import Call, Handler, Reply, Route, ok, parse_body, read
from sidecar.core.errors import RequestError
from sidecar.core.ijson import JsonLimits
from sidecar.core.model import Object
from sidecar.core.times import rfc3339
from sidecar.service.agent_calls import AgentCalls
from sidecar.service.agents_seen import AgentsSeen, Profile, Pulse, Seen
from sidecar.service.ports import Clock

_STALE_SECONDS: Final = 180.0  # three of the SDK's heartbeats
_Name = Annotated[str, Meta(max_length=256)]
_Word = Annotated[str, Meta(max_length=64)]
_Many = Annotated[list[str], Meta(max_length=1000)]


class Registration(msgspec.Struct, frozen=True):
    """What is read of a registration. What it claims to be able or allowed to do counts for nothing."""

    agent_id: Annotated[str, Meta(min_length=1, max_length=256)]
    display_name: _Name | None = None
    agent_type: Literal["supervised", "autonomous", "mcp_server"] = "supervised"
    environment: _Word | None = None
    capabilities: _Many = []
    allowed_resources: _Many = []
    sdk_version: _Word | None = None
    metadata: Object = {}


class Heartbeat(msgspec.Struct, frozen=True):
    """What is read of a heartbeat; a client without an agent id sends null."""

    agent_id: _Name | None = None
    sdk_version: _Word | None = None
    timestamp: _Word | None = None
    response_time_ms: Annotated[float, Meta(ge=0)] | None = None
    error_rate: Annotated[float, Meta(ge=0, le=1)] | None = None
    requests_count: Annotated[int, Meta(ge=0)] | None = None


class AscendAgents:
    """The routes about the calling agent itself."""

    def __init__(
        self, seen: AgentsSeen, clock: Clock, limits: JsonLimits, calls: AgentCalls | None = None
    ) -> None:
        """Without a platform there are no `calls` to it."""
        self._calls = calls
        self._seen = seen
        self._clock = clock
        self._limits = limits

    def routes(self) -> tuple[Route, ...]:
        agents, health = "/api/registry/agents", "/api/agents/health"
        return (
            _post(agents, self.register, "Register an agent (ASCEND).", Registration),
            _post(f"{health}/heartbeat", self.heartbeat, "An agent is alive (ASCEND).", Heartbeat),
            Route("GET", f"{health}/{{}}", guarded(self.health), about="Health of an agent (ASCEND)."),
        )

    async def register(self, call: Call) -> Reply:
        told = read(parse_body(call, self._limits), Registration)
        if not told.agent_id.strip():
            raise RequestError("must not be empty", field="agent_id")
        profile = Profile(
            told.display_name or told.agent_id,
            told.agent_type,
            told.environment or "",
            told.sdk_version or "",
        )
        is_new = self._seen.register(call.caller, told.agent_id, profile)
        body = {
            "success": True,
            "agent_id": told.agent_id,
            "status": "registered" if is_new else "already_registered",
            "agent": {"agent_id": told.agent_id} | msgspec.to_builtins(profile),
        }
        return ok(body, remember(call, told.agent_id))

    async def heartbeat(self, call: Call) -> Reply:
        beat = read(parse_body(call, self._limits), Heartbeat)
        if beat.agent_id:
            pulse = Pulse(beat.response_time_ms, beat.error_rate, beat.requests_count)
            self._seen.beat(call.caller, beat.agent_id, pulse)
            if self._calls is not None:
                await self._calls.beat(call.caller, beat.agent_id, _said(beat))
        body = {"success": True, "agent_id": beat.agent_id, "status": "ok"}
        return ok(body, remember(call, beat.agent_id or ""))

    async def health(self, call: Call) -> Reply:
        agent_id = call.params[0]
        body: Object = {"agent_id": agent_id, "status": "unknown", "last_heartbeat": None}
        seen = self._seen.find(call.caller, agent_id)
        return ok(body | _health(seen, self._clock.now()) if seen else body)


def _said(beat: Heartbeat) -> Object:
    return {name: value for name, value in msgspec.to_builtins(beat).items() if value is not None}


def _post(path: str, handler: Handler, about: str, reads: type) -> Route:
    return Route("POST", path, guarded(handler), reads_json=True, about=about, reads=reads)


def _health(seen: Seen, now: float) -> Object:
    metadata: Object = {"sidecar_version": __version__, "registered": seen.profile is not None}
    metadata |= {name: value for name, value in msgspec.to_builtins(seen.pulse).items() if value is not None}
    told: Object = {"uptime_seconds": int(now - seen.first_seen), "metadata": metadata}
    if seen.heartbeat_at is not None:
        is_alive = now - seen.heartbeat_at < _STALE_SECONDS
        told |= {"status": "healthy" if is_alive else "stale", "last_heartbeat": rfc3339(seen.heartbeat_at)}
    return told
