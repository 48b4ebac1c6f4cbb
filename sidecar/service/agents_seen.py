"""Agents seen: what agents have said of themselves since the start. It informs, and nothing is decided by it.

Bounded: of a caller with too many the one heard of longest ago is forgotten, of too many in all one of the caller
that has been silent longest.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

import msgspec

from sidecar.core.model import Caller
from sidecar.service.ports import Clock

_OF_ONE_CALLER: Final = 1000
_OF_ALL: Final = 10_000


class Profile(msgspec.Struct, frozen=True):
    """What a registration says."""

    display_name: str = ""
    agent_type: str = "supervised"
    environment: str = ""
    sdk_version: str = ""


class Pulse(msgspec.Struct, frozen=True):
    """What a heartbeat says; None where it does not."""

    response_time_ms: float | None = None
    error_rate: float | None = None
    requests_count: int | None = None


class Seen(msgspec.Struct, frozen=True):
    """One agent of one caller. Times are epoch seconds; `profile` is None until it registers."""

    first_seen: float
    profile: Profile | None = None
    heartbeat_at: float | None = None
    pulse: Pulse = Pulse()


_NOBODY: Final[Mapping[str, Seen]] = {}


class AgentsSeen:
    """By caller and agent id: what one caller says of an agent is not told to another."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._callers: OrderedDict[str, OrderedDict[str, Seen]] = OrderedDict()
        self._count = 0

    def find(self, caller: Caller, agent_id: str) -> Seen | None:
        return self._callers.get(caller.key, _NOBODY).get(agent_id)

    def register(self, caller: Caller, agent_id: str, profile: Profile) -> bool:
        """Whether it was not registered before."""
        seen = self.find(caller, agent_id) or Seen(self._clock.now())
        self._put(caller.key, agent_id, msgspec.structs.replace(seen, profile=profile))
        return seen.profile is None

    def beat(self, caller: Caller, agent_id: str, pulse: Pulse) -> None:
        now = self._clock.now()
        seen = self.find(caller, agent_id) or Seen(now)
        self._put(caller.key, agent_id, msgspec.structs.replace(seen, heartbeat_at=now, pulse=pulse))

    def forget(self, caller: Caller, agent_id: str) -> bool:
        """Whether there was anything to forget."""
        if self.find(caller, agent_id) is None:
            return False
        self._drop(caller.key, agent_id)
        return True

    def __len__(self) -> int:
        return self._count

    def _put(self, caller: str, agent_id: str, seen: Seen) -> None:
        agents = self._callers.setdefault(caller, OrderedDict())
        self._callers.move_to_end(caller)
        self._count += agent_id not in agents
        agents[agent_id] = seen
        agents.move_to_end(agent_id)
        if len(agents) > _OF_ONE_CALLER:
            self._drop(caller, next(iter(agents)))
        elif self._count > _OF_ALL:
            silent, theirs = next(iter(self._callers.items()))
            self._drop(silent, next(iter(theirs)))

    def _drop(self, caller: str, agent_id: str) -> None:
        agents = self._callers[caller]
        del agents[agent_id]
        self._count -= 1
        if not agents:
            del self._callers[caller]
