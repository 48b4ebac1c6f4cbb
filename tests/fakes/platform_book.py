"""The platform's books: actions, approvals, agents and commands, and the routes by which they are asked and changed.

A small true implementation of the contract, without a network: `answer` takes what a request says and gives status
and body. Tests give the rule that scores, and do what operators do with `resolve`, `escalate` and `order`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sidecar.core.killswitch import Kind, scope
from tests.fakes.halts_book import HaltsBook
from tests.fakes.platform_rooms import PlatformRooms

Body = dict[str, Any]


@dataclass(frozen=True)
class Judged:
    """What a rule makes of a submit: allowed, pending or denied; `governance` refuses by 403."""

    decision: str = "allowed"
    risk: float | None = 20
    reason: str = "scored"
    governance: bool = False


@dataclass
class Action:
    """`status` is the rich word, `decision` one of the three."""

    id: int
    body: Body
    judged: Judged
    decision: str
    status: str
    correlation_id: str
    approval_id: str | None = None
    by: str = ""
    why: str = ""
    outcome: Body | None = None


Rule = Callable[[Body], Judged]
_STATUS = {"allowed": "auto_approved", "pending": "pending_approval", "denied": "denied"}
_LEGACY = {"allowed": "approved", "pending": "pending", "denied": "denied"}
_RESOLVED = {"approved": "allowed", "rejected": "denied"}
_LEVELS = ((80, "critical"), (60, "high"), (30, "medium"), (0, "low"))


@dataclass
class PlatformBook:
    """`keys` are those that may ask. `asked` is every request that was let in: method, path, body."""

    rule: Rule = lambda body: Judged()
    keys: set[str] = field(default_factory=lambda: {"ask_test"})
    actions: dict[int, Action] = field(default_factory=dict)
    agents: dict[str, Body] = field(default_factory=dict)
    heartbeats: list[Body] = field(default_factory=list)
    commands: dict[str, list[Body]] = field(default_factory=dict)
    blocked: str | None = None
    rooms: PlatformRooms = field(default_factory=PlatformRooms)
    halts: HaltsBook = field(default_factory=HaltsBook)
    asked: list[tuple[str, str, Body | None]] = field(default_factory=list)

    def answer(self, method: str, path: str, body: Body | None, correlation_id: str) -> tuple[int, Any]:
        """Status and JSON of a request whose key was found good."""
        self.asked.append((method, path, body))
        for verb, pattern, handler in _ROUTES:
            match = re.fullmatch(pattern, path)
            if match and verb == method:
                return handler(self, body or {}, correlation_id, *match.groups())
        return self.rooms.answer(method, path, body or {}) or _refused(404, "no such route")

    def resolve(self, approval_id: str, status: str, by: str = "ann", why: str = "") -> None:
        """An operator's word on an approval: approved or rejected."""
        action = self._held(approval_id)
        action.decision, action.status, action.by, action.why = _RESOLVED[status], status, by, why

    def escalate(self, approval_id: str) -> None:
        self._held(approval_id).status = "escalated"

    def block(self, reason: str) -> None:
        """The kill switch of the organization: what is held is denied, and so is every submit while it is on."""
        self.blocked = reason
        self.halts.block(scope(Kind.ORGANIZATION), reason)
        for action in self.actions.values():
            if action.decision == "pending":
                action.decision, action.status, action.why = "denied", "blocked", reason

    def unblock(self) -> None:
        """The organization may act again."""
        self.blocked = None
        self.halts.unblock(scope(Kind.ORGANIZATION))

    def halt(self, agent_id: str, reason: str) -> None:
        """Of one agent, in its list of commands and in the signed state."""
        number = self.halts.block(scope(Kind.AGENT, agent_id), reason).seq
        self.order(agent_id, command_row(f"block-{number}", "BLOCK", reason))

    def release(self, agent_id: str) -> None:
        number = self.halts.unblock(scope(Kind.AGENT, agent_id))
        self.order(agent_id, command_row(f"unblock-{number}", "UNBLOCK", ""))

    def order(self, agent_id: str, command: Body) -> None:
        """A command that the agent has yet to acknowledge."""
        self.commands.setdefault(agent_id, []).append(command)

    def _held(self, approval_id: str) -> Action:
        return next(action for action in self.actions.values() if action.approval_id == approval_id)

    def submit(self, body: Body, correlation_id: str) -> tuple[int, Body]:
        """One correlation id is one action."""
        missing = [name for name in ("agent_id", "action_type", "resource") if not body.get(name)]
        if missing:
            return _refused(422, f"{missing[0]} is missing")
        known = [one for one in self.actions.values() if one.correlation_id == correlation_id]
        action = known[0] if known else self._enter(body, correlation_id)
        if action.judged.governance:
            return 403, {"detail": {"error": "governance violation", "detail": action.judged.reason}}
        return 200, _envelope(action)

    def _enter(self, body: Body, correlation_id: str) -> Action:
        judged = self.rule(body) if self.blocked is None else Judged("denied", reason=self.blocked)
        number = len(self.actions) + 1
        approval = f"ar-{number}" if judged.decision == "pending" else None
        action = Action(
            number, body, judged, judged.decision, _STATUS[judged.decision], correlation_id, approval
        )
        self.actions[number] = action
        return action


def command_row(command_id: str, command_type: str, reason: str, **more: Any) -> Body:
    """One command as lists of an agent's commands have it, of this moment."""
    told = {"command_id": command_id, "command_type": command_type, "target_type": "agent", "reason": reason}
    when = datetime.now(UTC).isoformat()
    return told | {"parameters": {}, "status": "pending", "created_at": when, "is_broadcast": False} | more


def _refused(status: int, detail: str) -> tuple[int, Body]:
    return status, {"detail": detail}


def _envelope(action: Action) -> Body:
    risk, reason = action.judged.risk, action.why or action.judged.reason
    told: Body = {
        "action_id": action.id,
        "decision": action.decision,
        "status": action.status,
        "execution_allowed": action.decision == "allowed",
        "risk_score": risk,
        "risk_level": next((name for least, name in _LEVELS if risk is not None and risk >= least), None),
        "reason": reason,
        "comments": reason,
        "policy_violations": [],
        "conditions": [],
        "required_approvers": [],
        "metadata": {},
        "correlation_id": action.correlation_id,
    }
    if action.approval_id:
        told["approval_request_id"] = action.approval_id
    if action.by:
        told["approved_by"] = action.by
    if "mcp_server_name" in action.body:
        told["mcp_governance"] = {"server_name": action.body["mcp_server_name"], "server_registered": True}
    return told


def _status(book: PlatformBook, body: Body, correlation_id: str, number: str) -> tuple[int, Body]:
    action = book.actions.get(int(number))
    return (200, _envelope(action)) if action else _refused(404, "no such action")


def _details(book: PlatformBook, body: Body, correlation_id: str, number: str) -> tuple[int, Body]:
    action = book.actions.get(int(number))
    if action is None:
        return _refused(404, "no such action")
    sent = {name: action.body.get(name) for name in ("agent_id", "agent_name", "action_type", "resource")}
    status = {"status": _LEGACY[action.decision], "risk_score": action.judged.risk, "audit_trail": []}
    return 200, {"id": action.id} | sent | status


def _mcp(book: PlatformBook, body: Body, correlation_id: str) -> tuple[int, Body]:
    status, told = book.submit({"agent_id": "mcp"} | body, correlation_id)
    if status == 200:
        told["success"] = told["decision"] != "denied"
        told["requires_approval"] = told["decision"] == "pending"
    return status, told


def _finish(book: PlatformBook, body: Body, correlation_id: str, number: str, how: str) -> tuple[int, Body]:
    action = book.actions.get(int(number))
    if action is None:
        return _refused(404, "no such action")
    action.outcome = body
    return 200, {
        "success": True,
        "action_id": action.id,
        "status": "completed" if how == "complete" else "failed",
    }


def _approval(book: PlatformBook, body: Body, correlation_id: str, approval_id: str) -> tuple[int, Body]:
    found = [action for action in book.actions.values() if action.approval_id == approval_id]
    if not found:
        return _refused(404, "no such approval")
    status = found[0].status if found[0].status in _RESOLVED else "pending"
    who = {"approved": "approved_by", "rejected": "rejected_by"}.get(status)
    told: Body = {"approval_request_id": approval_id, "status": status}
    return 200, told | ({who: found[0].by, "rejection_reason": found[0].why} if who else {})


def _register(book: PlatformBook, body: Body, correlation_id: str) -> tuple[int, Body]:
    if body.get("agent_id") in book.agents:
        return _refused(422, "agent already exists")
    book.agents[body["agent_id"]] = body
    return 201, {"success": True, "agent_id": body["agent_id"], "trust_level": "standard"}


def _deregister(book: PlatformBook, body: Body, correlation_id: str, agent_id: str) -> tuple[int, Body]:
    return (200, {"success": True}) if book.agents.pop(agent_id, None) else _refused(404, "no such agent")


def _heartbeat(book: PlatformBook, body: Body, correlation_id: str) -> tuple[int, Body]:
    book.heartbeats.append(body)
    return 200, {"success": True}


def _health(book: PlatformBook, body: Body, correlation_id: str, agent_id: str) -> tuple[int, Body]:
    beats = [beat for beat in book.heartbeats if beat.get("agent_id") == agent_id]
    last = beats[-1]["timestamp"] if beats else None
    return 200, {"agent_id": agent_id, "status": "online" if beats else "unknown", "last_heartbeat": last}


def _commands(book: PlatformBook, body: Body, correlation_id: str, agent_id: str) -> tuple[int, Body]:
    waiting = book.commands.get(agent_id, [])
    return 200, {"agent_id": agent_id, "commands": waiting, "count": len(waiting)}


def _ack(
    book: PlatformBook, body: Body, correlation_id: str, agent_id: str, command: str
) -> tuple[int, Body]:
    waiting = book.commands.get(agent_id, [])
    left = [one for one in waiting if one["command_id"] != command]
    if len(left) == len(waiting):
        return _refused(403, "no such command")
    book.commands[agent_id] = left
    return 200, {"success": True, "command_id": command, "status": "acknowledged"}


def _switch(book: PlatformBook, body: Body, correlation_id: str) -> tuple[int, Body]:
    is_blocked = book.blocked is not None
    return 200, {"blocked": is_blocked, "active": is_blocked, "is_active": is_blocked, "reason": book.blocked}


def _alive(book: PlatformBook, body: Body, correlation_id: str) -> tuple[int, Body]:
    return 200, {"status": "healthy", "version": "simulator", "environment": "test"}


_ROUTES: list[tuple[str, str, Callable[..., tuple[int, Any]]]] = [
    ("POST", "/api/v1/actions/submit", PlatformBook.submit),
    ("POST", "/api/v1/mcp/actions/submit", _mcp),
    ("GET", r"/api/v1/actions/(\d+)/status", _status),
    ("GET", r"/api/v1/actions/(\d+)", _details),
    ("POST", r"/api/agent-action/(\d+)/(complete|fail)", _finish),
    ("GET", "/api/sdk/approval/([^/]+)", _approval),
    ("GET", "/api/sdk/kill-switch/status", _switch),
    ("POST", "/api/registry/agents", _register),
    ("DELETE", "/api/registry/agents/([^/]+)", _deregister),
    ("GET", "/api/registry/agents/([^/]+)/commands", _commands),
    ("POST", "/api/registry/agents/([^/]+)/commands/([^/]+)/ack", _ack),
    ("POST", "/api/agents/health/heartbeat", _heartbeat),
    ("GET", "/api/agents/health/([^/]+)", _health),
    ("GET", "/health", _alive),
    ("GET", "/api/deployment-info", _alive),
]
