"""The kill switch's commands in the ASCEND dialect: an agent lists those that are for it, and takes note of each."""

from typing import Final

from sidecar.api.ascend_replies import detail, guarded
from sidecar.api.wire import Call, Reply, Route, ok
from sidecar.core.errors import StoreError
from sidecar.core.killswitch import Kind, Order, Origin
from sidecar.core.model import Object
from sidecar.core.times import rfc3339
from sidecar.service.agent_calls import AgentCalls
from sidecar.service.killswitch.commands import Commands

_PATH: Final = "/api/registry/agents/{}/commands"


class AscendCommands:
    """Without a platform there are no `calls` to it."""

    def __init__(self, commands: Commands, calls: AgentCalls | None) -> None:
        self._commands = commands
        self._calls = calls

    def routes(self) -> tuple[Route, ...]:
        ack = f"{_PATH}/{{}}/ack"
        return (
            Route("GET", _PATH, guarded(self.browse), about="Orders in force for an agent (ASCEND)."),
            Route("POST", ack, guarded(self.acknowledge), reads_json=True, about="Acknowledge one (ASCEND)."),
        )

    async def browse(self, call: Call) -> Reply:
        agent = call.params[0]
        commands = self._commands
        told = [_told(one, commands.is_noted(agent, one.command_id)) for one in commands.of(agent)]
        return ok({"agent_id": agent, "commands": told, "count": len(told)})

    async def acknowledge(self, call: Call) -> Reply:
        """What is not known here can still be known to the platform, which is owed the note."""
        agent, command = call.params
        if not self._commands.speaks_for(call.caller, agent):
            return detail(403, f"This caller may not speak for the agent {agent}.")
        order = await self._commands.note(agent, command, call.caller)
        body: Object = {"success": True, "command_id": command, "status": "acknowledged"}
        is_of_fleet = order is None or order.origin is Origin.FLEET
        if self._calls is not None and is_of_fleet:
            try:
                await self._calls.acknowledge(agent, command)
            except StoreError as error:
                return detail(403, f"This cannot be kept for the platform; say it again: {error}")
            return ok(body | {"platform": "owed"})
        if order is None:
            return detail(403, f"No command {command} for the agent {agent} is known.")
        return ok(body)


def _told(order: Order, is_noted: bool) -> Object:
    scope = order.scope
    return {
        "command_id": order.command_id,
        "command_type": order.command.value,
        "target_type": scope.kind.value,
        "reason": order.reason,
        "parameters": {"mcp_server" if scope.kind is Kind.MCP_SERVER else "name": scope.name},
        "status": "acknowledged" if is_noted else "pending",
        "issued_by": order.issued_by or None,
        "issued_via": order.origin.value,
        "created_at": rfc3339(order.since),
        "expires_at": None if order.expires_at is None else rfc3339(order.expires_at),
        "is_broadcast": scope.kind is not Kind.AGENT,
    }
