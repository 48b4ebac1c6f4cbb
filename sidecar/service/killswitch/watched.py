"""Watched: the agents that somebody reads of, how each stood when it was last told, and to whom that goes."""

from collections.abc import Iterable

from sidecar.core.killswitch import Kind
from sidecar.core.killswitch.scope import normalized
from sidecar.service.killswitch.events import of_agent
from sidecar.service.killswitch.presence import Presence
from sidecar.service.killswitch.standing import CLEAR, EVERYBODY, Standing, standing
from sidecar.service.killswitch.subscription import Subscription
from sidecar.service.ports import Clock
from sidecar.service.state import State


class Watched:
    """Agents are `type:id`, and `*` for what hits everybody."""

    def __init__(self, state: State, presence: Presence, clock: Clock) -> None:
        self._state = state
        self._presence = presence
        self._clock = clock
        self._told: dict[str, Standing] = {}
        self._readers: dict[str, dict[Subscription, None]] = {}
        self._by_name: dict[str, dict[str, None]] = {}

    def watch(self, reader: Subscription, agent: str) -> None:
        """Tell it how the agent stands, now and from now on."""
        if agent in reader.watches:
            return
        reader.watches[agent] = None
        if agent in self._told:
            self.look_at([agent])
        else:
            self._told[agent] = self._standing(agent)
            for name in _names(agent):
                self._by_name.setdefault(name, {})[agent] = None
        self._readers.setdefault(agent, {})[reader] = None
        reader.push(of_agent(agent, self._told[agent]))

    def part(self, reader: Subscription) -> None:
        """It is told nothing more."""
        for agent in reader.watches:
            readers = self._readers.get(agent, {})
            readers.pop(reader, None)
            if not readers:
                self._forget(agent)

    def readers(self, agent: str) -> list[Subscription]:
        return list(self._readers.get(agent, ()))

    def all(self) -> list[str]:
        return list(self._told)

    def named(self, names: Iterable[str]) -> list[str]:
        """Those that halts know by one of these names."""
        return [agent for name in names for agent in self._by_name.get(name, ())]

    def with_parts(self) -> list[str]:
        """Those that were seen with something, or for somebody, that can be halted by itself."""
        return [agent for agent in self._told if self._presence.targets(agent)[1]]

    def look_at(self, agents: Iterable[str]) -> None:
        """Tell their readers of those that do not stand as they did."""
        for agent in agents:
            if agent not in self._told:
                continue  # its last reader was cut a moment ago
            now = self._standing(agent)
            if now != self._told[agent]:
                self._told[agent] = now
                for reader in self.readers(agent):
                    reader.push(of_agent(agent, now))

    def _standing(self, agent: str) -> Standing:
        halts = self._state.snapshot.halts
        if halts.is_clear:
            return CLEAR
        whole, parts = self._presence.targets("" if agent == EVERYBODY else agent)
        return standing(halts, whole, parts, self._clock.now())

    def _forget(self, agent: str) -> None:
        self._readers.pop(agent, None)
        self._told.pop(agent, None)
        for name in _names(agent):
            agents = self._by_name.get(name, {})
            agents.pop(agent, None)
            if not agents:
                self._by_name.pop(name, None)


def _names(agent: str) -> tuple[str, str]:
    return normalized(Kind.AGENT, agent), normalized(Kind.AGENT, agent.partition(":")[2])
