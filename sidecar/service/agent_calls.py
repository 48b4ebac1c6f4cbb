"""Agent calls: what an agent says of itself, and the daemon says to the platform for it, under the daemon's key.

So it is said only for an agent whose name the caller may use: one that the bundle binds to others is not.
"""

import logging

from sidecar.core.errors import StoreError
from sidecar.core.model import Caller, Object
from sidecar.core.owed import acknowledgement, heartbeat
from sidecar.service.outbox import Outbox
from sidecar.service.ports import Clock
from sidecar.service.speaking import may_speak_for
from sidecar.service.state import State

_log = logging.getLogger(__name__)


class AgentCalls:
    """Heartbeats and acknowledgements on their way to the platform."""

    def __init__(self, outbox: Outbox, state: State, clock: Clock) -> None:
        self._outbox = outbox
        self._state = state
        self._clock = clock

    def speaks_for(self, caller: Caller, agent_id: str) -> bool:
        return may_speak_for(self._state, caller, agent_id)

    async def beat(self, caller: Caller, agent_id: str, told: Object) -> None:
        """Owe the platform the heartbeat, of which only the latest counts. It is promised to nobody."""
        if not self.speaks_for(caller, agent_id):
            return
        try:
            await self._outbox.owe(heartbeat(agent_id, told, self._clock.now()))
        except StoreError as error:
            _log.warning("a heartbeat of agent:%s will not reach the platform: %s", agent_id, error)

    async def acknowledge(self, agent_id: str, command_id: str) -> None:
        """Owe the platform that an agent has taken note of a command. Raises StoreError."""
        await self._outbox.owe(acknowledgement(agent_id, command_id, self._clock.now()))
