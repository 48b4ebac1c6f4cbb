"""The kill switch as the SDK polls it. It looks at different names for the same boolean in different versions.

The poll does not say for which agent it is: the path's prefix, a cookie or a token does. If several are named, one
that is halted blocks; if none is, only what halts the whole host or organization does.
"""

from typing import Final

from sidecar.api.ascend_identity import agents_of
from sidecar.api.ascend_replies import guarded
from sidecar.api.wire import Call, Reply, Route, ok
from sidecar.core.model import Object
from sidecar.core.times import rfc3339
from sidecar.service.killswitch.presence import Presence
from sidecar.service.killswitch.standing import Standing, standing
from sidecar.service.ports import Clock
from sidecar.service.state import State

SWITCH: Final = ("blocked", "active", "is_active")


class AscendHalts:
    """The one route."""

    def __init__(self, presence: Presence, state: State, clock: Clock) -> None:
        self._presence = presence
        self._state = state
        self._clock = clock

    def routes(self) -> tuple[Route, ...]:
        about = "Whether the calling agent is halted (ASCEND)."
        return (Route("GET", "/api/sdk/kill-switch/status", guarded(self.status), about=about),)

    async def status(self, call: Call) -> Reply:
        agents = agents_of(call, self._state)
        found = {agent: self._standing(f"agent:{agent}") for agent in agents} or {"": self._standing("")}
        blocked = next((agent for agent, now in found.items() if now.is_blocked), next(iter(found)))
        return ok(_told(blocked, found[blocked]))

    def _standing(self, name: str) -> Standing:
        whole, _ = self._presence.targets(name)
        return standing(self._state.snapshot.halts, whole, (), self._clock.now())


def _told(agent: str, now: Standing) -> Object:
    told: Object = dict.fromkeys(SWITCH, now.is_blocked)
    told |= {
        "reason": now.reason or None,
        "activated_at": rfc3339(now.since) if now.since else None,
        "activated_by": now.by or None,
    }
    return told | {"agent_id": agent} if agent else told
