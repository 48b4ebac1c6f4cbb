"""Dialects: how each host tells of a tool call, and how it is told yes or no.

Nobody is ever told "allow" where that would stand for the user's own consent: what the daemon allows goes on to
whatever the host asks its user. Nobody is told "ask" either: Claude Code passes it over in some permission modes,
Codex takes it for a failed hook and goes on, and Cursor does not enforce it.
"""

import json
from collections.abc import Callable
from typing import Final, NamedTuple

from sidecar.cli.hosts import tools
from sidecar.cli.hosts.calls import CannotTell, Object, Spoken, ToolCall
from sidecar.cli.hosts.payloads import object_of, text_of

BLOCKED: Final = 2
"""The exit status by which a hook blocks, in all four hosts."""
_PRE_TOOL_USE: Final = "PreToolUse"
# The one of Cursor's events that are answered with `permission`, and whose allow is no consent of the user's:
# "Hooks", preToolUse and beforeReadFile, "`allow` to proceed". With `failClosed` no answer is a failure.
_CURSOR_GOES_ON: Final = frozenset({"preToolUse", "beforeReadFile", "beforeTabFileRead"})
# There `allow` may be the user's: "Hooks", beforeShellExecution / beforeMCPExecution.
_CURSOR_CONSENTS: Final = frozenset({"beforeShellExecution", "beforeMCPExecution"})


class Host(NamedTuple):
    """One coding agent. `go_on` and `deny` are given the payload, `deny` an empty one where it cannot be read."""

    name: str
    table: tools.Table
    read: Callable[[Object], ToolCall]
    go_on: Callable[[Object], Spoken]
    deny: Callable[[Object, str], Spoken]


def _read_snake(payload: Object) -> ToolCall:
    """Claude Code, "Hooks reference", PreToolUse input; Codex, "Hooks", PreToolUse; Copilot's PascalCase events."""
    event = text_of(payload, "hook_event_name")
    if event != _PRE_TOOL_USE:
        raise CannotTell("this hook is for the event PreToolUse, and was called for another one")
    return ToolCall(
        text_of(payload, "tool_name"),
        object_of(payload, "tool_input"),
        text_of(payload, "cwd", ""),
        text_of(payload, "permission_mode", ""),
        text_of(payload, "session_id", ""),
        text_of(payload, "tool_use_id", ""),
    )


def _read_copilot(payload: Object) -> ToolCall:
    """GitHub Copilot, "Hooks reference", preToolUse / PreToolUse: two forms, by how the event is written.

    The camelCase form does not name its event; a result or an error shows that it is of one after the tool.
    """
    if "hook_event_name" in payload:
        return _read_snake(payload)
    if "toolResult" in payload or "error" in payload:
        raise CannotTell("this hook is for the event preToolUse, and was called for another one")
    tool = text_of(payload, "toolName")
    arguments = payload.get("toolArgs")
    if tools.COPILOT.get(tool) is tools.APPLY and isinstance(arguments, str) and arguments.startswith("*"):
        payload = {**payload, "toolArgs": {"patch": arguments}}
    return ToolCall(
        tool,
        object_of(payload, "toolArgs"),
        text_of(payload, "cwd", ""),
        session=text_of(payload, "sessionId", ""),
    )


def _read_cursor(payload: Object) -> ToolCall:
    """Cursor, "Hooks", "Hook events": a generic event for all tools, and others for one kind of tool each."""
    event = text_of(payload, "hook_event_name")
    if event == "preToolUse":
        tool, arguments = text_of(payload, "tool_name"), object_of(payload, "tool_input")
    elif event == "beforeShellExecution":
        tool, arguments = "Shell", {"command": text_of(payload, "command")}
    elif event == "beforeMCPExecution":
        tool, arguments = f"MCP:{text_of(payload, 'tool_name')}", object_of(payload, "tool_input")
    elif event in {"beforeReadFile", "beforeTabFileRead"}:
        tool, arguments = "Read", {"file_path": text_of(payload, "file_path")}
    else:
        raise CannotTell("this hook is for events before a tool, and was called for another one")
    session, use = text_of(payload, "conversation_id", ""), text_of(payload, "tool_use_id", "")
    return ToolCall(tool, arguments, _cursor_folder(payload, arguments), session=session, use=use)


def _cursor_folder(payload: Object, arguments: Object) -> str:
    roots = payload.get("workspace_roots") or [""]
    said = (arguments.get("working_directory"), arguments.get("cwd"), payload.get("cwd"), roots[0])
    return next((folder for folder in said if isinstance(folder, str) and folder), "")


def _go_on(_payload: Object) -> Spoken:
    """Nothing on standard output and status 0 is no decision: the host goes on as it would without a hook."""
    return Spoken("", "", 0)


def _cursor_goes_on(payload: Object) -> Spoken:
    said = {"permission": "allow"} if payload["hook_event_name"] in _CURSOR_GOES_ON else {}
    return Spoken(json.dumps(said), "", 0)


def _deny_hook_specific(_payload: Object, reason: str) -> Spoken:
    """Claude Code, "Hooks reference", "Exit code output", and Codex, "Hooks", PreToolUse: status 2 blocks, whatever
    became of standard output; standard error is what the model is told. Codex passes a 2 that gives no reason.
    """
    said = {
        "hookEventName": _PRE_TOOL_USE,
        "permissionDecision": "deny",
        "permissionDecisionReason": reason,
    }
    return Spoken(json.dumps({"hookSpecificOutput": said}), reason, BLOCKED)


def _deny_copilot(_payload: Object, reason: str) -> Spoken:
    """GitHub Copilot, "Hooks reference", "Exit codes for command hooks": status 2 denies, by the JSON's reason."""
    return Spoken(
        json.dumps({"permissionDecision": "deny", "permissionDecisionReason": reason}), reason, BLOCKED
    )


def _deny_cursor(payload: Object, reason: str) -> Spoken:
    """Cursor, "Hooks", "Command-Based Hooks": status 0 has the JSON read, 2 blocks and has it shown as it is."""
    if str(payload.get("hook_event_name")) not in _CURSOR_GOES_ON | _CURSOR_CONSENTS:
        return Spoken(reason, reason, BLOCKED)
    said = {"permission": "deny", "user_message": reason, "agent_message": reason}
    return Spoken(json.dumps(said), reason, 0)


HOSTS: Final = {
    host.name: host
    for host in (
        Host("claude-code", tools.CLAUDE_CODE, _read_snake, _go_on, _deny_hook_specific),
        Host("cursor", tools.CURSOR, _read_cursor, _cursor_goes_on, _deny_cursor),
        Host("codex", tools.CODEX, _read_snake, _go_on, _deny_hook_specific),
        Host("copilot", tools.COPILOT, _read_copilot, _go_on, _deny_copilot),
    )
}
