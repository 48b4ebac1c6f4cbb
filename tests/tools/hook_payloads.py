"""What hosts write to a hook, as their documentation has it, and what the daemon must be asked of it.

Claude Code: "Hooks reference", PreToolUse. Cursor: "Hooks", "Hook events". Codex: "Hooks", PreToolUse, and the schema
of its input. GitHub Copilot: "Hooks reference", "Hook event input payloads".
"""

from typing import Any

Asked = tuple[str, str]
"""Action, and resource as `type:id`."""


def claude_code(tool: str, arguments: Any, **more: Any) -> dict[str, Any]:
    return {
        "session_id": "abc123",
        "transcript_path": "/home/ann/.claude/projects/app/00893aaf.jsonl",
        "cwd": "/home/ann/app",
        "permission_mode": "default",
        "hook_event_name": "PreToolUse",
        "tool_name": tool,
        "tool_input": arguments,
        "tool_use_id": "toolu_01ABC123",
        **more,
    }


def codex(tool: str, arguments: Any, **more: Any) -> dict[str, Any]:
    return {
        "session_id": "0199a213-81c0-7800-8aa1-bbab2a035a53",
        "turn_id": "turn-1",
        "transcript_path": None,
        "cwd": "/home/ann/app",
        "hook_event_name": "PreToolUse",
        "model": "gpt-5",
        "permission_mode": "default",
        "tool_name": tool,
        "tool_input": arguments,
        "tool_use_id": "call-1",
        **more,
    }


def copilot(tool: str, arguments: Any, **more: Any) -> dict[str, Any]:
    """The camelCase form."""
    return {
        "sessionId": "s-1",
        "timestamp": 1704614600000,
        "cwd": "/home/ann/app",
        "toolName": tool,
        "toolArgs": arguments,
        **more,
    }


def copilot_snake(tool: str, arguments: Any, **more: Any) -> dict[str, Any]:
    """The form of the PascalCase event names, which VS Code has too."""
    return {
        "hook_event_name": "PreToolUse",
        "session_id": "s-1",
        "timestamp": "2026-01-07T08:03:20Z",
        "cwd": "/home/ann/app",
        "tool_name": tool,
        "tool_input": arguments,
        **more,
    }


def cursor(event: str, **more: Any) -> dict[str, Any]:
    return {
        "conversation_id": "conv-1",
        "generation_id": "gen-1",
        "model": "default",
        "hook_event_name": event,
        "cursor_version": "3.9.16",
        "workspace_roots": ["/home/ann/app"],
        "user_email": None,
        "transcript_path": None,
        **more,
    }


def cursor_tool(tool: str, arguments: Any, **more: Any) -> dict[str, Any]:
    return cursor(
        "preToolUse", tool_name=tool, tool_input=arguments, tool_use_id="abc123", **{"cwd": "", **more}
    )


PATCH = """*** Begin Patch
*** Update File: src/app.py
@@
-a = 1
+a = 2
*** Add File: /home/ann/app/new.py
+b = 1
*** Delete File: old.py
*** Update File: x.py
*** Move to: y.py
*** End Patch
"""
PATCHED: list[Asked] = [
    ("file.edit", "file:/home/ann/app/src/app.py"),
    ("file.write", "file:/home/ann/app/new.py"),
    ("file.delete", "file:/home/ann/app/old.py"),
    ("file.edit", "file:/home/ann/app/x.py"),
    ("file.write", "file:/home/ann/app/y.py"),
]
SHELL: list[Asked] = [("shell.exec", "host:local")]
READ: list[Asked] = [("file.read", "file:/home/ann/app/a.py")]
WRITE: list[Asked] = [("file.write", "file:/home/ann/app/a.py")]
EDIT: list[Asked] = [("file.edit", "file:/home/ann/app/a.py")]
SEARCH: list[Asked] = [("file.search", "file:/home/ann/app/src")]
FETCH: list[Asked] = [("http.get", "url:https://example.com/a")]
A = "/home/ann/app/a.py"

VECTORS: list[tuple[str, dict[str, Any], list[Asked]]] = [
    (
        "claude-code",
        claude_code("Bash", {"command": "npm test", "description": "Test", "timeout": 120000}),
        SHELL,
    ),
    ("claude-code", claude_code("Read", {"file_path": A, "offset": 10, "limit": 50}), READ),
    ("claude-code", claude_code("Write", {"file_path": A, "content": "file content"}), WRITE),
    ("claude-code", claude_code("Edit", {"file_path": A, "old_string": "a", "new_string": "b"}), EDIT),
    ("claude-code", claude_code("NotebookEdit", {"notebook_path": A, "new_source": "b"}), EDIT),
    ("claude-code", claude_code("Glob", {"pattern": "**/*.ts", "path": "/home/ann/app/src"}), SEARCH),
    ("claude-code", claude_code("Glob", {"pattern": "src/*.ts"}), SEARCH),
    ("claude-code", claude_code("Grep", {"pattern": "TODO.*fix", "path": "src", "glob": "*.ts"}), SEARCH),
    ("claude-code", claude_code("WebFetch", {"url": "https://example.com/a", "prompt": "Extract"}), FETCH),
    ("claude-code", claude_code("WebSearch", {"query": "react hooks"}), [("web.search", "web:search")]),
    (
        "claude-code",
        claude_code("Agent", {"prompt": "Find", "description": "f", "subagent_type": "Explore"}),
        [("agent.spawn", "agent:Explore")],
    ),
    (
        "claude-code",
        claude_code("mcp__memory__create_entities", {"entities": []}),
        [("tools/call", "tool:create_entities")],
    ),
    (
        "claude-code",
        claude_code("ReadMcpResourceTool", {"server": "docs", "uri": "doc://a"}),
        [("resources/read", "uri:doc://a")],
    ),
    ("claude-code", claude_code("ListMcpResourcesTool", {}), [("resources/list", "mcp_server:unknown")]),
    ("claude-code", claude_code("ExitPlanMode", {"plan": "x"}), [("tools/call", "tool:ExitPlanMode")]),
    ("codex", codex("Bash", {"command": "cargo test"}), SHELL),
    ("codex", codex("apply_patch", {"command": PATCH}), PATCHED),
    ("codex", codex("view_image", {"path": "a.py"}), READ),
    (
        "codex",
        codex("mcp__memory__create_entities", {"entities": []}),
        [("tools/call", "tool:create_entities")],
    ),
    (
        "codex",
        codex("spawn_agent", {"agent_type": "worker", "message": "go"}),
        [("agent.spawn", "agent:worker")],
    ),
    ("codex", codex("update_plan", {"plan": []}), [("tools/call", "tool:update_plan")]),
    ("copilot", copilot("bash", '{"command":"npm test","description":"Test"}'), SHELL),
    ("copilot", copilot("powershell", {"command": "Get-ChildItem"}), SHELL),
    ("copilot", copilot("view", {"path": A}), READ),
    ("copilot", copilot("create", {"path": "a.py", "file_text": "x"}), WRITE),
    ("copilot", copilot("edit", {"path": A, "old_str": "a", "new_str": "b"}), EDIT),
    ("copilot", copilot("glob", {"pattern": "src/**"}), SEARCH),
    ("copilot", copilot("grep", {"pattern": "x", "path": "src"}), SEARCH),
    ("copilot", copilot("web_fetch", {"url": "https://example.com/a"}), FETCH),
    (
        "copilot",
        copilot("task", {"agent_type": "explore", "prompt": "x"}),
        [("agent.spawn", "agent:explore")],
    ),
    ("copilot", copilot("apply_patch", PATCH), PATCHED),
    ("copilot", copilot("github-search_code", {"q": "x"}), [("tools/call", "tool:github-search_code")]),
    ("copilot", copilot_snake("Bash", {"command": "npm test"}), SHELL),
    ("copilot", copilot_snake("Read", {"path": A}), READ),
    ("cursor", cursor_tool("Shell", {"command": "npm install", "working_directory": "/project"}), SHELL),
    ("cursor", cursor_tool("Read", {"file_path": A}), READ),
    ("cursor", cursor_tool("ReadFile", {"path": "a.py"}), READ),
    ("cursor", cursor_tool("Write", {"file_path": A, "contents": "x"}), WRITE),
    ("cursor", cursor_tool("StrReplace", {"path": A, "old_string": "a", "new_string": "b"}), EDIT),
    ("cursor", cursor_tool("Delete", {"path": A}), [("file.delete", f"file:{A}")]),
    ("cursor", cursor_tool("Grep", {"pattern": "x", "file_path": "src"}), SEARCH),
    ("cursor", cursor_tool("MCP:create_issue", {"title": "x"}), [("tools/call", "tool:create_issue")]),
    ("cursor", cursor("beforeShellExecution", command="git status", cwd="/project", sandbox=False), SHELL),
    (
        "cursor",
        cursor("beforeMCPExecution", tool_name="create_issue", tool_input='{"title":"x"}', url="https://mcp"),
        [("tools/call", "tool:create_issue")],
    ),
    ("cursor", cursor("beforeReadFile", file_path=A, content="SECRET", attachments=[]), READ),
    ("cursor", cursor("beforeTabFileRead", file_path=A, content="SECRET"), READ),
]

BASH = {
    "claude-code": claude_code("Bash", {"command": "ls"}),
    "codex": codex("Bash", {"command": "ls"}),
    "copilot": copilot("bash", {"command": "ls"}),
    "cursor": cursor_tool("Shell", {"command": "ls"}),
}
"""A command, as each host tells of it."""


def reading(host: str, path: str) -> dict[str, Any]:
    """The reading of a file, as each host tells of it."""
    return {
        "claude-code": claude_code("Read", {"file_path": path}),
        "codex": codex("view_image", {"path": path}),
        "copilot": copilot("view", {"path": path}),
        "cursor": cursor("beforeReadFile", file_path=path, content="", attachments=[]),
    }[host]
