"""Agents seen: what agents have said of themselves since the start. It informs, and nothing is decided by it.

Bounded: of each caller and of all the agent that was heard of longest ago is forgotten first.
"""

from collections import Counter, OrderedDict
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


class AgentsSeen:
    """By caller and agent id: what one caller says of an agent is not told to another."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: OrderedDict[tuple[str, str], Seen] = OrderedDict()
        self._of_caller: Counter[str] = Counter()

    def find(self, caller: Caller, agent_id: str) -> Seen | None:
        return self._seen.get((caller.key, agent_id))

    def register(self, caller: Caller, agent_id: str, profile: Profile) -> bool:
        """Whether it was not registered before."""
        seen = self._touch(caller, agent_id)
        self._seen[caller.key, agent_id] = msgspec.structs.replace(seen, profile=profile)
        return seen.profile is None

    def beat(self, caller: Caller, agent_id: str, pulse: Pulse) -> None:
        seen = self._touch(caller, agent_id)
        now = self._clock.now()
        self._seen[caller.key, agent_id] = msgspec.structs.replace(seen, heartbeat_at=now, pulse=pulse)

    def forget(self, caller: Caller, agent_id: str) -> bool:
        """Whether there was anything to forget."""
        return self._drop((caller.key, agent_id))

    def __len__(self) -> int:
        return len(self._seen)

    def _touch(self, caller: Caller, agent_id: str) -> Seen:
        key = (caller.key, agent_id)
        seen = self._seen.get(key)
        if seen is None:
            self._make_room(caller.key)
            seen = self._seen[key] = Seen(self._clock.now())
            self._of_caller[caller.key] += 1
        self._seen.move_to_end(key)
        return seen

    def _make_room(self, caller: str) -> None:
        if self._of_caller[caller] >= _OF_ONE_CALLER:
            self._drop(next(key for key in self._seen if key[0] == caller))
        elif len(self._seen) >= _OF_ALL:
            self._drop(next(iter(self._seen)))

    def _drop(self, key: tuple[str, str]) -> bool:
        if self._seen.pop(key, None) is None:
            return False
        self._of_caller[key[0]] -= 1
        if not self._of_caller[key[0]]:
            del self._of_caller[key[0]]
        return True
