"""Commands: the orders in force for one agent, and that it has taken note of them.

Its note changes nothing: what is halted is halted for those as well who never ask.
"""

import itertools
from collections.abc import Iterator
from typing import Final

from sidecar.core.killswitch import Kind, Order
from sidecar.core.killswitch.record import AgentAckRecord
from sidecar.core.model import Caller
from sidecar.core.record import encode_record
from sidecar.service.killswitch.presence import Presence
from sidecar.service.ports import Clock, DecisionLog
from sidecar.service.speaking import may_speak_for
from sidecar.service.state import State

_LISTED: Final = 1000
_REMEMBERED: Final = 10_000
_Noted = tuple[str, str]


class Commands:
    """`within`: seconds that a record may take."""

    def __init__(
        self, state: State, presence: Presence, log: DecisionLog, clock: Clock, within: float
    ) -> None:
        self._state = state
        self._presence = presence
        self._log = log
        self._clock = clock
        self._within = within
        self._noted: dict[_Noted, None] = {}

    def of(self, agent_id: str) -> list[Order]:
        """At most a thousand: what halts the agent, what it was seen with, and servers that it could use."""
        found = {order.command_id: order for order in itertools.islice(self._hitting(agent_id), _LISTED)}
        return list(found.values())

    def speaks_for(self, caller: Caller, agent_id: str) -> bool:
        return may_speak_for(self._state, caller, agent_id)

    def is_noted(self, agent_id: str, command_id: str) -> bool:
        return (agent_id, command_id) in self._noted

    async def note(self, agent_id: str, command_id: str, caller: Caller) -> Order | None:
        """Record that the agent has taken note, once; None for what is not in force for it. Raises AuditError."""
        order = next((one for one in self._hitting(agent_id) if one.command_id == command_id), None)
        noted = (agent_id, command_id)
        if order is None or noted in self._noted:
            return order
        self._noted[noted] = None
        if len(self._noted) > _REMEMBERED:
            del self._noted[next(iter(self._noted))]
        record = AgentAckRecord(command_id, f"agent:{agent_id}", caller, self._clock.now())
        try:
            await self._log.append(encode_record(record), self._within)
        except BaseException:
            self._noted.pop(noted, None)
            raise
        return order

    def _hitting(self, agent_id: str) -> Iterator[Order]:
        halts, now = self._state.snapshot.halts, self._clock.now()
        whole, parts = self._presence.targets(f"agent:{agent_id}")
        for target in (whole, *parts):
            yield from halts.hitting(target, now)
        for orders in halts.named.get(Kind.MCP_SERVER, {}).values():
            yield from (order for order in orders if order.holds(now))
