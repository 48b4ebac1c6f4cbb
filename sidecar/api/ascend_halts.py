"""The kill switch as the SDK polls it. It looks at different names for the same boolean in different versions."""

from typing import Final

from sidecar.api.ascend_identity import UNKNOWN, agent_of
from sidecar.api.ascend_replies import guarded
from sidecar.api.wire import Call, Reply, Route, ok
from sidecar.core.model import Object

SWITCH: Final = ("blocked", "active", "is_active")


class AscendHalts:
    """The one route; the agent is the one that the caller's cookie names."""

    def routes(self) -> tuple[Route, ...]:
        about = "Whether the calling agent is halted (ASCEND)."
        return (Route("GET", "/api/sdk/kill-switch/status", guarded(self.status), about=about),)

    async def status(self, call: Call) -> Reply:
        return ok(_standing(agent_of(call)))


def _standing(agent: str) -> Object:
    """There are no halts that could be in force."""
    is_halted = False
    told: Object = dict.fromkeys(SWITCH, is_halted)
    told |= {"reason": None, "activated_at": None, "activated_by": None}
    return told if agent == UNKNOWN else told | {"agent_id": agent}
