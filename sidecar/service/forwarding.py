"""Forwarding: which calls of the ASCEND API go on to the platform, and with whose key.

The daemon's key goes only with what the daemon says for itself. Everything else goes with the key that its caller
sent, so that nobody can do there through the daemon what they could not do without it.
"""

from enum import Enum
from typing import Final

import msgspec

from sidecar.core.model import Object
from sidecar.core.platform import Unavailable
from sidecar.service.ports import CallersHeaders, Platform, PlatformCall, PlatformReply

_KEYS: Final = ("x-api-key", "authorization")


class Way(Enum):
    """How a call is answered where there is a platform."""

    HERE = "here"  # decided, or known, by this daemon alone
    OWN = "own"  # answered here, and said to the platform with the daemon's key
    CHANGE = "change"  # decided here as an action of its own, then passed on
    THERE = "there"  # passed on; nothing of it is known here
    THERE_OR_HERE = "there_or_here"  # passed on; answered here while the platform does not answer
    HERE_THEN_THERE = "here_then_there"  # passed on unless it is refused here, as above
    HERE_OR_THERE = "here_or_there"  # answered here where it is known here, else as THERE_OR_HERE
    EITHER = "either"  # blocked if here or there; the platform's silence is an error, and not the all-clear
    JOINED = "joined"  # what is known here and what is known there, together
    OF_ACTION = "of_action"  # as THERE_OR_HERE, with the platform's id of the action in the path


_REGISTRY: Final = "/api/registry"
_ORCHESTRATION: Final = "/api/v1/orchestration"
_FILTER: Final = "/api/v1/output-filter"
_CHAIN: Final = "/api/v1/supply-chain"
_DISCOVERY: Final = "/api/authorization/mcp-discovery"
_HOOKS: Final = "/api/webhooks"
_KILL: Final = "/api/billing/kill-switch/{}"

# Every call that the SDK can make. Whatever is not listed is not passed on.
WAYS: Final = {
    ("GET", "/health"): Way.HERE,
    ("GET", "/api/deployment-info"): Way.HERE,
    ("POST", f"{_REGISTRY}/agents"): Way.OWN,
    ("PUT", f"{_REGISTRY}/agents/{{}}"): Way.CHANGE,
    ("DELETE", f"{_REGISTRY}/agents/{{}}"): Way.CHANGE,
    ("GET", f"{_REGISTRY}/agents/{{}}/commands"): Way.JOINED,
    ("POST", f"{_REGISTRY}/agents/{{}}/commands/{{}}/ack"): Way.HERE,
    ("POST", "/api/agents/health/heartbeat"): Way.HERE,
    # A heartbeat that was taken here may be on its way there still.
    ("GET", "/api/agents/health/{}"): Way.HERE_OR_THERE,
    # Actions and their approvals bear this daemon's numbers, which mean others on the platform.
    ("POST", "/api/v1/actions/submit"): Way.HERE,
    ("GET", "/api/v1/actions/{}/status"): Way.HERE,
    ("GET", "/api/v1/actions/{}"): Way.HERE,
    ("POST", "/api/agent-action/{}/complete"): Way.HERE,
    ("POST", "/api/agent-action/{}/fail"): Way.HERE,
    ("GET", "/api/agent-activity"): Way.HERE,
    ("POST", "/api/v1/mcp/actions/submit"): Way.HERE,
    ("GET", "/api/sdk/approval/{}"): Way.HERE,
    ("GET", "/api/sdk/kill-switch/status"): Way.EITHER,
    ("POST", f"{_KILL}/trigger"): Way.CHANGE,
    ("POST", f"{_KILL}/release"): Way.CHANGE,
    ("POST", "/api/governance/policies/evaluate-realtime"): Way.HERE_THEN_THERE,
    ("GET", "/api/v1/resource-classifications"): Way.THERE_OR_HERE,
    ("GET", "/audit/logs"): Way.THERE_OR_HERE,
    ("GET", _HOOKS): Way.THERE,
    ("POST", f"{_HOOKS}/configure"): Way.CHANGE,
    ("PUT", f"{_HOOKS}/{{}}"): Way.CHANGE,
    ("DELETE", f"{_HOOKS}/{{}}"): Way.CHANGE,
    ("POST", f"{_HOOKS}/{{}}/test"): Way.CHANGE,
    ("POST", f"{_REGISTRY}/mcp-servers"): Way.CHANGE,
    ("GET", f"{_REGISTRY}/mcp-servers"): Way.THERE_OR_HERE,
    ("GET", f"{_REGISTRY}/mcp-servers/{{}}"): Way.THERE_OR_HERE,
    ("DELETE", f"{_REGISTRY}/mcp-servers/{{}}"): Way.CHANGE,
    ("POST", f"{_REGISTRY}/mcp-servers/{{}}/activate"): Way.CHANGE,
    ("POST", f"{_REGISTRY}/mcp-servers/{{}}/deactivate"): Way.CHANGE,
    ("POST", f"{_DISCOVERY}/scan-network"): Way.CHANGE,
    ("GET", f"{_DISCOVERY}/health-monitor"): Way.THERE_OR_HERE,
    ("POST", f"{_ORCHESTRATION}/topology"): Way.CHANGE,
    ("POST", f"{_ORCHESTRATION}/topology/mcp"): Way.CHANGE,
    ("POST", f"{_ORCHESTRATION}/cascade-kill/{{}}"): Way.CHANGE,
    ("GET", f"{_ORCHESTRATION}/sessions/{{}}"): Way.THERE_OR_HERE,
    ("GET", f"{_ORCHESTRATION}/sessions/{{}}/risk"): Way.THERE_OR_HERE,
    ("GET", f"{_ORCHESTRATION}/stats"): Way.THERE_OR_HERE,
    ("GET", f"{_FILTER}/config"): Way.THERE_OR_HERE,
    ("GET", f"{_FILTER}/findings"): Way.THERE,
    ("GET", f"{_FILTER}/findings/{{}}"): Way.OF_ACTION,
    ("POST", f"{_FILTER}/scan"): Way.HERE_THEN_THERE,
    ("POST", f"{_CHAIN}/components"): Way.CHANGE,
    ("GET", f"{_CHAIN}/components"): Way.THERE,
    ("GET", f"{_CHAIN}/impact/{{}}"): Way.THERE,
    ("GET", f"{_CHAIN}/stats"): Way.THERE,
    ("GET", f"{_CHAIN}/sync/status"): Way.THERE,
    ("GET", "/api/alerts"): Way.THERE,
}


class Kept(Enum):
    """Why a call was not passed on at all."""

    NO_KEY = "no_key"
    LOOP = "loop"


class Passing(msgspec.Struct, frozen=True):
    """A call of a caller's that is to be passed on: `path` as it stands in the URL, header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: Object | None = None
    query: tuple[tuple[str, str], ...] = ()


class Forwarding:
    """`within`: seconds that a call may take."""

    def __init__(self, platform: Platform, within: float) -> None:
        self._platform = platform
        self._within = within

    async def pass_on(self, passing: Passing) -> PlatformReply | Unavailable | Kept:
        """With the key of its caller, and never with ours."""
        if not any(passing.headers.get(name) for name in _KEYS):
            return Kept.NO_KEY
        return await self._send(passing, CallersHeaders(passing.headers))

    async def say(self, passing: Passing) -> PlatformReply | Unavailable | Kept:
        """With the daemon's key: what it says for itself, and nothing else."""
        return await self._send(passing, None)

    async def _send(
        self, passing: Passing, sender: CallersHeaders | None
    ) -> PlatformReply | Unavailable | Kept:
        via = passing.headers.get("via", "")
        if via and self._platform.loops_back({"via": via}):
            return Kept.LOOP
        call = PlatformCall(
            passing.method,
            passing.path,
            passing.body,
            passing.query,
            traceparent=passing.headers.get("traceparent", ""),
            via=via,
            sender=sender,
        )
        return await self._platform.send(call, self._within)
