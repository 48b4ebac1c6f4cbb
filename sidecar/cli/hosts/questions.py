"""Questions: what the daemon is asked about one tool call. All of them must be allowed.

A file is asked about under the name that it is given, and under the one that it has behind its symbolic links. A
patch is asked about file by file, since a rule for one of them must not be passed by naming another one first.
"""

from collections.abc import Callable, Iterable
from posixpath import isabs, join, normpath
from typing import Any, Final

from sidecar.cli.hosts.calls import CannotTell, Object, Question, ToolCall
from sidecar.cli.hosts.patches import changes
from sidecar.cli.hosts.tools import FILE, PATCH, UNKNOWN_SERVER, Row, Table, server_and_tool

Follow = Callable[[str], str]
"""The path behind the symbolic links of an absolute one, as os.path.realpath."""
_GLOB: Final = "*?[{"
_MOST_TEXT: Final = 4096
_BEGINNING: Final = 256


def questions(hook: str, call: ToolCall, table: Table, follow: Follow) -> list[Question]:
    """In the order in which they are to be asked. Raises CannotTell for a call that lacks what it acts on."""
    context: Object = {"hook": hook}
    if call.mode:
        context["permission_mode"] = call.mode
    row = table.get(call.tool)
    if row is None:
        return [_by_name(call, context)]
    if row.kind == PATCH:
        return _patch(call, context, follow)
    properties = _told(call, row)
    if row.server:
        context["mcp_server"] = call.arguments.get(row.server) or UNKNOWN_SERVER
    return [Question(row.action, row.kind, name, properties, context) for name in _names(call, row, follow)]


def _by_name(call: ToolCall, context: Object) -> Question:
    server, tool = server_and_tool(call.tool)
    if server:
        context = {**context, "mcp_server": server}
    return Question("tools/call", "tool", tool, {"arguments": call.arguments}, context)


def _patch(call: ToolCall, context: Object, follow: Follow) -> list[Question]:
    digest = {name: _brief(text) for name, text in call.arguments.items()}
    return [
        Question(action, FILE, path, digest, context)
        for action, named in changes(call.arguments)
        for path in _paths([named], call.cwd, follow)
    ]


def _told(call: ToolCall, row: Row) -> Object:
    properties: Object = {}
    for name in row.needs:
        if not isinstance(call.arguments.get(name), str) or not call.arguments[name].strip():
            raise CannotTell(f"this call of {call.tool} has no {name}")
        properties[name] = call.arguments[name]
    for name in row.tells:
        if name in call.arguments:
            properties[name] = _brief(call.arguments[name])
    if row.needs and call.cwd:
        properties["cwd"] = call.cwd
    return properties


def _names(call: ToolCall, row: Row, follow: Follow) -> Iterable[str]:
    said = [call.arguments[name] for name in row.places if call.arguments.get(name)]
    if not all(isinstance(name, str) for name in said):
        raise CannotTell(f"what this call of {call.tool} acts on is not text")
    if not said and not row.default:
        raise CannotTell(f"this call of {call.tool} does not say what it acts on")
    if row.kind != FILE:
        return dict.fromkeys(said or [row.default])
    below = _folder(call.arguments.get(row.pattern)) if row.pattern else ""
    named = said or [row.default]
    return _paths([join(name, below) for name in named] if below else named, call.cwd, follow)


def _folder(pattern: Any) -> str:
    """The folder that a glob searches: `src/a*/*.py` searches below src."""
    if not isinstance(pattern, str):
        return ""
    parts = pattern.split("/")
    plain = next((index for index, part in enumerate(parts) if set(part) & set(_GLOB)), len(parts) - 1)
    return "/".join(parts[:plain]) or ("/" if pattern.startswith("/") else "")


def _paths(named: list[str], cwd: str, follow: Follow) -> list[str]:
    found: dict[str, None] = {}
    for name in named:
        if name.startswith("~"):  # a home folder or a strange name: it depends on the host which
            found[name] = None
        path = cwd or name if name == "." else join(cwd, name.removeprefix("./"))
        found[path] = None
        if isabs(path) and (real := follow(path)) != normpath(path):
            found[real] = None
    return list(found)


def _brief(value: Any) -> Any:
    """The value, in which each long text stands as its digest, its length and how it begins.

    A grant is for this very text all the same, and the log does not keep whole files.
    """
    if isinstance(value, dict):
        return {name: _brief(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_brief(item) for item in value]
    if not isinstance(value, str) or len(value) <= _MOST_TEXT:
        return value
    from hashlib import sha256  # noqa: PLC0415 - few calls have a text that long, and every call would load OpenSSL

    raw = value.encode("utf-8", "surrogatepass")
    return {"sha256": sha256(raw).hexdigest(), "bytes": len(raw), "begins": value[:_BEGINNING]}
