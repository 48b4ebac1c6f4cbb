"""Hooks: each host's documented input becomes the right questions, and each answer is in the host's form."""

import json

import pytest

from sidecar.cli.hosts.calls import CannotTell, ToolCall
from sidecar.cli.hosts.dialects import HOSTS
from sidecar.cli.hosts.questions import questions
from tests.tools import hook_payloads as told
from tests.tools.hook_payloads import VECTORS, A

REASON = "ascend-sidecar: denied, policy_denied: No."


def straight(path):
    """A file system without symbolic links."""
    return path


def asked(host, payload, follow=straight):
    return questions(host, HOSTS[host].read(payload), HOSTS[host].table, follow)


def label(vector):
    host, payload, _ = vector
    tool = payload.get("tool_name") or payload.get("toolName") or ""
    return f"{host}-{payload.get('hook_event_name', 'preToolUse')}-{tool}"


@pytest.mark.parametrize("vector", VECTORS, ids=label)
def test_a_documented_payload_becomes_these_questions(vector):
    host, payload, expected = vector
    found = asked(host, payload)
    assert [(one.action, f"{one.kind}:{one.name}") for one in found] == expected
    assert {one.context["hook"] for one in found} == {host}


@pytest.mark.parametrize("vector", VECTORS, ids=label)
def test_what_goes_on_gets_no_decision_that_would_stand_for_the_users(vector):
    host, payload, _ = vector
    spoken = HOSTS[host].go_on(payload)
    assert (spoken.stderr, spoken.status) == ("", 0)
    if host != "cursor":
        assert spoken.stdout == ""
    elif payload["hook_event_name"] in {"beforeShellExecution", "beforeMCPExecution"}:
        assert json.loads(spoken.stdout) == {}
    else:
        assert json.loads(spoken.stdout) == {"permission": "allow"}


@pytest.mark.parametrize("host", ["claude-code", "codex"])
def test_claude_code_and_codex_are_denied_by_status_and_by_json(host):
    spoken = HOSTS[host].deny(told.BASH[host], REASON)
    assert (spoken.status, spoken.stderr) == (2, REASON)
    assert json.loads(spoken.stdout) == {
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "permissionDecision": "deny",
            "permissionDecisionReason": REASON,
        }
    }


def test_copilot_is_denied_by_status_and_by_json():
    spoken = HOSTS["copilot"].deny(told.BASH["copilot"], REASON)
    assert (spoken.status, spoken.stderr) == (2, REASON)
    assert json.loads(spoken.stdout) == {"permissionDecision": "deny", "permissionDecisionReason": REASON}


@pytest.mark.parametrize(
    "event",
    ["preToolUse", "beforeShellExecution", "beforeMCPExecution", "beforeReadFile", "beforeTabFileRead"],
)
def test_cursor_is_denied_by_json_that_it_reads_only_with_status_0(event):
    spoken = HOSTS["cursor"].deny(told.cursor(event), REASON)
    assert spoken.status == 0
    assert json.loads(spoken.stdout) == {
        "permission": "deny",
        "user_message": REASON,
        "agent_message": REASON,
    }


@pytest.mark.parametrize("payload", [{}, {"hook_event_name": "stop"}, {"hook_event_name": ["preToolUse"]}])
def test_cursor_is_blocked_by_status_where_no_json_would_do(payload):
    spoken = HOSTS["cursor"].deny(payload, REASON)
    assert (spoken.stdout, spoken.stderr, spoken.status) == (REASON, REASON, 2)


@pytest.mark.parametrize(
    ("host", "payload"),
    [
        ("claude-code", told.claude_code("Bash", {"command": "ls"}, hook_event_name="PostToolUse")),
        ("claude-code", told.claude_code("Bash", {"command": "ls"}, hook_event_name="")),
        ("codex", told.codex("Bash", {"command": "ls"}, hook_event_name="PermissionRequest")),
        ("copilot", told.copilot("bash", {"command": "ls"}, toolResult={"resultType": "success"})),
        ("copilot", told.copilot("bash", {"command": "ls"}, error="boom")),
        ("copilot", told.copilot_snake("Bash", {"command": "ls"}, hook_event_name="PostToolUse")),
        ("cursor", told.cursor("afterShellExecution", command="ls", output="")),
        ("cursor", told.cursor("", command="ls")),
        ("claude-code", told.claude_code("", {})),
        ("claude-code", told.claude_code(7, {})),
        ("claude-code", told.claude_code("Bash", None)),
        ("claude-code", told.claude_code("Bash", ["ls"])),
        ("claude-code", told.claude_code("Bash", {"command": "ls"}, cwd=1)),
        ("copilot", told.copilot("bash", "ls -l")),
        ("copilot", told.copilot("bash", '{"command": "ls", "command": "rm -rf /"}')),
        ("cursor", told.cursor("beforeMCPExecution", tool_name="x", tool_input="[1]")),
    ],
)
def test_an_event_or_a_form_that_is_not_known_cannot_be_told(host, payload):
    with pytest.raises(CannotTell) as raised:
        HOSTS[host].read(payload)
    assert "rm -rf" not in str(raised.value)


@pytest.mark.parametrize(
    ("host", "payload"),
    [
        ("claude-code", told.claude_code("Bash", {"command": " "})),
        ("claude-code", told.claude_code("Bash", {"command": ["ls"]})),
        ("claude-code", told.claude_code("Bash", {})),
        ("claude-code", told.claude_code("Read", {"path_of_file": A})),
        ("claude-code", told.claude_code("Read", {"file_path": [A]})),
        ("claude-code", told.claude_code("WebFetch", {"prompt": "x"})),
        ("codex", told.codex("apply_patch", {"command": "*** Begin Patch\n*** End Patch"})),
        ("codex", told.codex("apply_patch", {"command": "".join(f"*** Add File: {n}\n" for n in range(65))})),
    ],
)
def test_a_call_that_does_not_say_what_it_acts_on_cannot_be_told(host, payload):
    with pytest.raises(CannotTell):
        asked(host, payload)


def test_a_command_is_told_whole_with_its_folder_and_nothing_that_varies():
    long = "echo " + "x" * 9000
    [question] = asked(
        "claude-code", told.claude_code("Bash", {"command": long, "description": "any", "timeout": 1})
    )
    assert question.properties == {"command": long, "cwd": "/home/ann/app"}
    assert question.context == {"hook": "claude-code", "permission_mode": "default"}


@pytest.mark.parametrize(
    ("payload", "folder"),
    [
        (told.cursor_tool("Shell", {"command": "ls", "working_directory": "/w"}), "/w"),
        (told.cursor_tool("Shell", {"command": "ls"}, cwd="/c"), "/c"),
        (told.cursor_tool("Shell", {"command": "ls"}), "/home/ann/app"),
    ],
)
def test_cursor_names_the_folder_in_several_places(payload, folder):
    [question] = asked("cursor", payload)
    assert question.properties["cwd"] == folder


def test_a_file_behind_a_symbolic_link_is_asked_about_as_well():
    payload = told.claude_code("Read", {"file_path": "notes"})
    found = asked("claude-code", payload, {"/home/ann/app/notes": "/home/ann/.ssh/id_rsa"}.__getitem__)
    assert [one.name for one in found] == ["/home/ann/app/notes", "/home/ann/.ssh/id_rsa"]


def test_every_place_that_a_call_names_is_asked_about():
    payload = told.claude_code("Read", {"file_path": A, "path": "/home/ann/.ssh/id_rsa"})
    assert [one.name for one in asked("claude-code", payload)] == [A, "/home/ann/.ssh/id_rsa"]


@pytest.mark.parametrize(
    ("pattern", "folder"),
    [
        ("/home/ann/.ssh/*", "/home/ann/.ssh"),
        ("/*", "/"),
        ("../.ssh/id_*", "/home/ann/app/../.ssh"),
        ("**/*.py", "/home/ann/app"),
        ("a.py", "/home/ann/app"),
        (["x"], "/home/ann/app"),
    ],
)
def test_a_search_is_of_the_folder_of_its_pattern(pattern, folder):
    [question] = asked("claude-code", told.claude_code("Glob", {"pattern": pattern}))
    assert question.name == folder


def test_a_tilde_may_be_the_home_folder_or_a_name_in_the_project():
    found = asked("copilot", told.copilot("view", {"path": "~/.ssh/id_rsa"}))
    assert [one.name for one in found] == ["~/.ssh/id_rsa", "/home/ann/app/~/.ssh/id_rsa"]


def test_a_long_text_stands_as_its_digest_and_counts_all_the_same():
    def of(text):
        [question] = asked("claude-code", told.claude_code("Write", {"file_path": A, "content": text}))
        return question.properties["content"]

    assert of("x" * 4096) == "x" * 4096
    assert (of("x" * 5000)["bytes"], of("x" * 5000)["begins"]) == (5000, "x" * 256)
    assert of("x" * 5000) != of("x" * 4999 + "y")
    edits = told.claude_code("MultiEdit", {"file_path": A, "edits": [{"old_string": "\ud800" * 5000}]})
    assert asked("claude-code", edits)[0].properties["edits"][0]["old_string"]["bytes"] == 15000


def test_what_a_tool_server_is_told_is_told_whole():
    sql = "-- " + "x" * 9000 + "\ndrop table t"
    [question] = asked("claude-code", told.claude_code("mcp__db__run", {"sql": sql}))
    assert question.properties == {"arguments": {"sql": sql}}


@pytest.mark.parametrize(
    ("host", "payload", "server"),
    [
        ("claude-code", told.claude_code("mcp__memory__create__all", {}), "memory"),
        ("claude-code", told.claude_code("mcp__memory", {}), "unknown"),
        ("claude-code", told.claude_code("ReadMcpResourceTool", {"server": "docs", "uri": "a:b"}), "docs"),
        ("cursor", told.cursor_tool("MCP:trusted:create", {}), "unknown"),
        ("copilot", told.copilot("github-search_code", {}), "unknown"),
        ("copilot", told.copilot("report_intent", {}), None),
    ],
)
def test_the_tool_server_is_named_where_the_host_tells_it_and_else_unknown(host, payload, server):
    [question] = asked(host, payload)
    assert question.context.get("mcp_server") == server


def test_the_ids_of_the_host_are_kept_apart_from_what_is_asked():
    call = HOSTS["claude-code"].read(told.claude_code("Bash", {"command": "ls"}))
    assert (call.use, call.session) == ("toolu_01ABC123", "abc123")
    assert "toolu" not in str(questions("claude-code", call, HOSTS["claude-code"].table, straight))
    assert isinstance(call, ToolCall)
