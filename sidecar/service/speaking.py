"""Who may speak for an agent: say that it is alive, or that it has taken note of a command."""

from sidecar.core.model import Caller
from sidecar.service.state import State


def may_speak_for(state: State, caller: Caller, agent_id: object) -> bool:
    """Whether the caller may use the name of this agent. Without a bundle nobody knows, so nobody may."""
    bundle = state.snapshot.bundle
    if bundle is None:
        return False
    agent = bundle.agents.find(f"agent:{agent_id}")
    return agent is None or not agent.is_bound or agent.admits(caller)
