"""Asked by: which agents each caller has asked for, so that it is told of those and of no others."""

from collections.abc import Callable
from typing import Final

from sidecar.core.model import Caller, Decision
from sidecar.service.asked import Asked

_CALLERS: Final = 1000
OF_ONE_CALLER: Final = 256


class AskedBy:
    """Bounded: the caller, or the agent of a caller, that was seen first is forgotten first."""

    def __init__(self) -> None:
        self._of: dict[str, dict[tuple[str, str], None]] = {}
        self._listeners: list[Callable[[str, str], None]] = []

    def on_new(self, listener: Callable[[str, str], None]) -> None:
        """It is told of each agent, `type:id`, that a caller, by its key, asks for the first time."""
        self._listeners.append(listener)

    def saw(self, asked: Asked, _decision: Decision, _seq: int) -> None:
        """Take note of who asked for whom, after the answer."""
        subject, caller = asked.request.subject, asked.caller.key
        agents = self._of.get(caller)
        if agents is None:
            agents = self._of[caller] = {}
            if len(self._of) > _CALLERS:
                del self._of[next(iter(self._of))]
        agent = (subject.type, subject.id)
        if agent in agents:
            return
        agents[agent] = None
        if len(agents) > OF_ONE_CALLER:
            del agents[next(iter(agents))]
        for listener in self._listeners:
            listener(caller, f"{subject.type}:{subject.id}")

    def agents(self, caller: Caller) -> list[str]:
        """As `type:id`."""
        return [f"{kind}:{name}" for kind, name in self._of.get(caller.key, ())]
