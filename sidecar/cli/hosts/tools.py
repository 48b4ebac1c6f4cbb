"""Tools: which action each tool of each host is. This is the one table of them.

A tool that is not in the table is asked about by its name, as `tools/call` of `tool:NAME`, so that nothing goes
unasked. What a row does not tell of the arguments, such as a description that the model words anew each time, does
not count: the same action asked again must be the same request, or no approval would ever fit it.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

UNKNOWN_SERVER: Final = "unknown"
FILE: Final = "file"
PATCH: Final = "patch"


class Row(NamedTuple):
    """How one tool is asked about.

    `places` are the arguments that name what it acts on; each that is there counts. Without one it is `default`, or
    no question at all where that is empty. `needs` must be there, and are told; so are `tells`, if they are.
    `pattern` is a glob whose folder is what is searched; `server` the argument that names an MCP server.
    """

    action: str
    kind: str
    places: tuple[str, ...] = ()
    default: str = ""
    needs: tuple[str, ...] = ()
    tells: tuple[str, ...] = ()
    pattern: str = ""
    server: str = ""


_PATHS: Final = ("file_path", "path", "target_file", "notebook_path")
_FOLDERS: Final = ("path", "target_directory")
_NEW: Final = (
    "content",
    "file_text",
    "contents",
    "old_string",
    "new_string",
    "old_str",
    "new_str",
    "edits",
    "new_source",
)

SHELL: Final = Row("shell.exec", "host", default="local", needs=("command",))
READ: Final = Row("file.read", FILE, _PATHS)
WRITE: Final = Row("file.write", FILE, _PATHS, tells=_NEW)
EDIT: Final = Row("file.edit", FILE, _PATHS, tells=_NEW)
DELETE: Final = Row("file.delete", FILE, _PATHS)
APPLY: Final = Row("file.edit", PATCH)
GREP: Final = Row(
    "file.search", FILE, (*_FOLDERS, "file_path"), default=".", tells=("pattern", "glob"), pattern="glob"
)
GLOB: Final = Row("file.search", FILE, _FOLDERS, default=".", tells=("pattern",), pattern="pattern")
FETCH: Final = Row("http.get", "url", ("url",))
SEARCH: Final = Row("web.search", "web", default="search", tells=("query", "search_term"))
SPAWN: Final = Row(
    "agent.spawn", "agent", ("subagent_type", "agent_type"), default="general", tells=("prompt", "message")
)
MCP_READ: Final = Row("resources/read", "uri", ("uri",), server="server")
MCP_LIST: Final = Row("resources/list", "mcp_server", ("server",), default=UNKNOWN_SERVER, server="server")

Table = Mapping[str, Row]

# Claude Code, "Hooks reference", PreToolUse input.
CLAUDE_CODE: Final[Table] = {
    "Bash": SHELL,
    "PowerShell": SHELL,
    "Monitor": SHELL,
    "Read": READ,
    "Write": WRITE,
    "Edit": EDIT,
    "MultiEdit": EDIT,
    "NotebookEdit": EDIT,
    "Glob": GLOB,
    "Grep": GREP,
    "WebFetch": FETCH,
    "WebSearch": SEARCH,
    "Agent": SPAWN,
    "Task": SPAWN,
    "ReadMcpResourceTool": MCP_READ,
    "ListMcpResourcesTool": MCP_LIST,
}
# Cursor, "Hooks", preToolUse and "Available matchers by hook". StrReplace, ReadFile and ApplyPatch are what it sends.
CURSOR: Final[Table] = {
    "Shell": SHELL,
    "Read": READ,
    "ReadFile": READ,
    "Write": WRITE,
    "StrReplace": EDIT,
    "Edit": EDIT,
    "ApplyPatch": APPLY,
    "Delete": DELETE,
    "Grep": GREP,
    "Task": SPAWN,
}
# Codex, "Hooks", PreToolUse: shell-like tools are all called Bash.
CODEX: Final[Table] = {"Bash": SHELL, "apply_patch": APPLY, "view_image": READ, "spawn_agent": SPAWN}
# GitHub Copilot, "Hooks reference", "Tool names for hook matching". PascalCase events bring Claude Code's names.
COPILOT: Final[Table] = {
    **CLAUDE_CODE,
    "bash": SHELL,
    "powershell": SHELL,
    "view": READ,
    "create": WRITE,
    "edit": EDIT,
    "str_replace_editor": EDIT,
    "apply_patch": APPLY,
    "grep": GREP,
    "rg": GREP,
    "glob": GLOB,
    "web_fetch": FETCH,
    "web_search": SEARCH,
    "task": SPAWN,
}


def server_and_tool(name: str) -> tuple[str, str]:
    """The MCP server that a tool is of and its name there; the server is empty for a tool of the host's own.

    Claude Code and Codex write `mcp__server__tool`, and read a name up to the first `__` as the server. Cursor
    (`MCP:tool`) and Copilot (`server-tool`, where both may have hyphens) do not tell the server.
    """
    if name.startswith("mcp__"):
        server, _, tool = name.removeprefix("mcp__").partition("__")
        return (server, tool) if server and tool else (UNKNOWN_SERVER, name)
    if name.startswith("MCP:"):
        return UNKNOWN_SERVER, name.removeprefix("MCP:")
    return (UNKNOWN_SERVER if "-" in name else ""), name
