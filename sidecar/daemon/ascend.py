"""The routes of the whole ASCEND dialect, wired together."""

from sidecar.api.ascend import Ascend
from sidecar.api.ascend_advice import AscendAdvice
from sidecar.api.ascend_agents import AscendAgents
from sidecar.api.ascend_changes import AscendChanges
from sidecar.api.ascend_commands import AscendCommands
from sidecar.api.ascend_filter import AscendFilter
from sidecar.api.ascend_forward import AscendForward
from sidecar.api.ascend_halts import AscendHalts
from sidecar.api.ascend_logs import AscendLogs
from sidecar.api.ascend_mcp import AscendMcp
from sidecar.api.ascend_orchestration import AscendOrchestration
from sidecar.api.ascend_registry import AscendRegistry
from sidecar.api.ascend_unkept import AscendUnkept
from sidecar.api.wire import Route
from sidecar.core.ijson import JsonLimits
from sidecar.service.advice import Advice
from sidecar.service.agent_calls import AgentCalls
from sidecar.service.agents_seen import AgentsSeen
from sidecar.service.forwarding import Forwarding
from sidecar.service.killswitch.commands import Commands
from sidecar.service.killswitch.presence import Presence
from sidecar.service.outcomes import Outcomes
from sidecar.service.ports import Clock
from sidecar.service.repeats import Repeats
from sidecar.service.sessions import Sessions
from sidecar.service.state import State
from sidecar.service.waiting import Waiting


def ascend_routes(
    repeats: Repeats,
    outcomes: Outcomes,
    waiting: Waiting,
    advice: Advice,
    sessions: Sessions,
    state: State,
    clock: Clock,
    limits: JsonLimits,
    calls: AgentCalls | None,
    forwarding: Forwarding | None,
    presence: Presence,
    commands: Commands,
) -> tuple[Route, ...]:
    """One registry of agents and one table of repeats serve all of them. `forwarding`: None without a platform."""
    seen = AgentsSeen(clock)
    forward = AscendForward(forwarding, outcomes, state, limits) if forwarding else None
    routes = (
        *Ascend(repeats, outcomes, waiting, state, limits).routes(),
        *AscendMcp(repeats, waiting, state, limits).routes(),
        *AscendAgents(seen, clock, limits, calls).routes(),
        *AscendChanges(repeats, seen, state, limits, forward).routes(),
        *AscendRegistry(state).routes(),
        *AscendHalts(presence, state, clock).routes(),
        *AscendCommands(commands, calls).routes(),
        *AscendAdvice(advice, state, limits).routes(),
        *AscendLogs(outcomes).routes(),
        *AscendOrchestration(outcomes, sessions).routes(),
        *AscendFilter(state, limits).routes(),
        *AscendUnkept().routes(),
    )
    return forward.wrapped(routes) if forward else routes
