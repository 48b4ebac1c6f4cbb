"""Calls: what a host is about to do, what is asked of the daemon about it, and what the host is told."""

from typing import Any, NamedTuple

Object = dict[str, Any]
"""A JSON object as `json` reads it."""


class CannotTell(Exception):
    """Why there is no decision. Its words are shown to the model, so they hold nothing of the call's arguments."""


class TooLate(CannotTell):
    """The time for an answer is over."""


class Refused(Exception):
    """What the daemon says instead of allow, with what there is to do about it."""


class ToolCall(NamedTuple):
    """One tool call, whatever the host. `mode` is the host's own permission mode, `use` its id of this call."""

    tool: str
    arguments: Object
    cwd: str = ""
    mode: str = ""
    session: str = ""
    use: str = ""


class Question(NamedTuple):
    """Action, resource (`kind` and `name`) and what is told with them, as AuthZEN has them."""

    action: str
    kind: str
    name: str
    properties: Object
    context: Object


class Spoken(NamedTuple):
    """How the process ends: text for standard output and standard error, and the exit status."""

    stdout: str
    stderr: str
    status: int
