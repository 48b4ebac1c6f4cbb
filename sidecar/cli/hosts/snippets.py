"""Snippets: what goes into the settings of each host, so that it starts the hook and fails as closed as it can."""

from collections.abc import Callable
from shlex import join, quote
from typing import Final, NamedTuple

from sidecar.cli.hosts.calls import Object

_SLACK: Final = 5
"""Seconds that a host gives a hook beyond the time within which the hook answers."""
# What ends in any other way than 0 or 2, such as a hook that is not there, ends with 2 and a reason. Standard input
# is read to its end, because Codex goes on if it cannot write all of it. Any login shell can start this one.
_OR_BLOCK: Final = (
    "{} || {{ s=$?; cat >/dev/null; "
    "[ $s = 2 ] || echo 'ascend-sidecar: the hook did not answer' >&2; exit 2; }}"
)


class Snippet(NamedTuple):
    """`settings` are JSON; `places` tell where they go, the one that agents cannot change first."""

    settings: Object
    places: tuple[str, ...]
    notes: tuple[str, ...]


def snippet(host: str, command: list[str], timeout: float) -> Snippet:
    """The settings that have `host` start `command`, which answers within `timeout` seconds."""
    return _SNIPPETS[host](command, int(timeout) + _SLACK)


def _claude_code(command: list[str], seconds: int) -> Snippet:
    hook = {"type": "command", "command": _or_block(command), "timeout": seconds, "onFailure": "block"}
    return Snippet(
        {"hooks": {"PreToolUse": [{"hooks": [hook]}]}},
        ("/etc/claude-code/managed-settings.json", "~/.claude/settings.json"),
        ("Before 2.1.295 Claude Code does not know onFailure, and goes on when the time of a hook is over.",),
    )


def _cursor(command: list[str], seconds: int) -> Snippet:
    hook = {"command": join(command), "timeout": seconds, "failClosed": True}
    return Snippet(
        {"version": 1, "hooks": {"preToolUse": [hook], "beforeReadFile": [hook]}},
        ("/etc/cursor/hooks.json", "~/.cursor/hooks.json"),
        (),
    )


def _codex(command: list[str], seconds: int) -> Snippet:
    hook = {"type": "command", "command": _or_block(command), "timeout": seconds}
    return Snippet(
        {"hooks": {"PreToolUse": [{"hooks": [hook]}]}},
        ("/etc/codex/hooks.json", "~/.codex/hooks.json"),
        (
            "Codex skips a hook until somebody trusts it: run /hooks in Codex.",
            "Codex goes on when the time of a hook is over.",
        ),
    )


def _copilot(command: list[str], seconds: int) -> Snippet:
    hook = {"type": "command", "bash": join(command), "timeoutSec": seconds}
    return Snippet(
        {"version": 1, "hooks": {"preToolUse": [hook]}},
        (
            "/etc/github-copilot/policy.d/ascend-sidecar.json",
            "~/.copilot/hooks/ascend-sidecar.json",
            ".github/hooks/ascend-sidecar.json",
        ),
        ("Copilot goes on when the time of a hook is over.",),
    )


def _or_block(command: list[str]) -> str:
    return f"/bin/sh -c {quote(_OR_BLOCK.format(join(command)))}"


_SNIPPETS: Final[dict[str, Callable[[list[str], int], Snippet]]] = {
    "claude-code": _claude_code,
    "cursor": _cursor,
    "codex": _codex,
    "copilot": _copilot,
}
