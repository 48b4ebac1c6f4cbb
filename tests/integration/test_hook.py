"""Hooks against a real daemon: default policies, approvals, halts, the record; and the settings that are printed."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.cli.hosts.dialects import HOSTS
from sidecar.cli.hosts.snippets import snippet
from sidecar.cli.hosts.words import DEFAULT_TIMEOUT, OPTIONS
from tests.fakes.terminal import type_in
from tests.tools.bundles import HEAD
from tests.tools.daemon import REPOSITORY, Daemon, until
from tests.tools.hook_payloads import BASH, claude_code, codex, copilot, cursor_tool, reading
from tests.tools.hooked import at, blocks, command, ended, environment, goes_on, hook, start
from tests.tools.workshop import done

HELD = """
rules:
  - id: hold
    match: {actions: [shell.exec]}
    effect: approve
    reason: Somebody must look.
    approval: {stages: [{approvers: ["group:ops"], quorum: 1, within: 10m}]}
"""


@pytest.fixture
def socket(daemon):
    return daemon.listen["decision_socket"]


@pytest.fixture(scope="module")
def holding(tmp_path_factory):
    """A daemon whose commands wait for whoever runs the tests, who asks as well."""
    home = tmp_path_factory.mktemp("holding")
    policies = home / "policies"
    (policies / "data").mkdir(parents=True)
    (policies / "policy.yaml").write_text(HEAD + HELD)
    (policies / "data/people.yaml").write_text(f"ann: {{uids: [{os.getuid()}], groups: [ops]}}\n")
    with Daemon(home, policies, environ={"ASCEND_SIDECAR_APPROVALS_SAME_UID": "allow"}) as running:
        yield running


def records(daemon, tool):
    lines = type_in("audit", "show", "--state-dir", daemon.state, "--json").out
    return [line for line in lines.splitlines() if tool in line]


@pytest.mark.parametrize("host", HOSTS)
def test_a_plain_file_is_read_in_each_host(host, socket):
    ran = hook(host, reading(host, "/home/ann/app/a.py"), *at(socket))
    assert (goes_on(host, ran), ran.err) == (True, "")


@pytest.mark.parametrize("host", HOSTS)
def test_a_private_key_is_read_in_none(host, socket):
    ran = hook(host, reading(host, "/home/ann/.ssh/id_rsa"), *at(socket))
    assert blocks(host, ran)
    assert "denied, policy_denied: Secrets, private keys" in ran.err


@pytest.mark.parametrize("host", HOSTS)
def test_a_command_that_deletes_everything_is_held_in_each(host, socket):
    payload = json.loads(json.dumps(BASH[host]).replace('"ls"', '"rm -rf /"'))
    ran = hook(host, payload, *at(socket))
    assert blocks(host, ran)
    assert "held until a person approves (apr_" in ran.err


def test_a_private_key_behind_a_link_is_not_read(socket, tmp_path):
    (tmp_path / "app/.ssh").mkdir(parents=True)
    (tmp_path / "app/notes").symlink_to(tmp_path / "app/.ssh/id_rsa")
    payload = claude_code("Read", {"file_path": "notes"}, cwd=str(tmp_path / "app"))
    assert blocks("claude-code", hook("claude-code", payload, *at(socket)))


@pytest.mark.parametrize("host", ["codex", "copilot"])
def test_a_patch_is_denied_for_any_of_its_files(host, socket):
    patch = (
        "*** Begin Patch\n*** Update File: a.py\n+x\n*** Update File: /etc/ascend-sidecar/config.yaml\n+y\n"
    )
    payload = codex("apply_patch", {"command": patch}) if host == "codex" else copilot("apply_patch", patch)
    ran = hook(host, payload, *at(socket))
    assert blocks(host, ran)
    assert "policy_denied" in ran.err
    harmless = patch.partition("*** Update File: /etc")[0]
    payload = (
        codex("apply_patch", {"command": harmless}) if host == "codex" else copilot("apply_patch", harmless)
    )
    assert goes_on(host, hook(host, payload, *at(socket)))


@pytest.mark.parametrize(
    ("payload", "goes"),
    [
        (claude_code("mcp__github__search_issues", {"query": "x"}), True),
        (claude_code("mcp__github__delete_repository", {"name": "x"}), False),
        (claude_code("mcp__files__read_file", {"path": "/home/ann/.ssh/id_rsa"}), False),
        (claude_code("NobodyKnowsThisTool", {}), False),
        (claude_code("WebFetch", {"url": "http://169.254.169.254/latest", "prompt": "x"}), False),
        (claude_code("Bash", {"command": "systemctl stop ascend-sidecar"}), False),
        (claude_code("Write", {"file_path": "/home/ann/app/.claude/settings.json", "content": "{}"}), False),
        (claude_code("Write", {"file_path": "/home/ann/app/a.py", "content": "x" * 1_000_000}), True),
    ],
    ids=lambda value: value.get("tool_name") if isinstance(value, dict) else None,
)
def test_other_tools_are_judged_by_name_and_arguments(payload, goes, socket):
    assert goes_on("claude-code", hook("claude-code", payload, *at(socket))) is goes


def test_cursors_tool_server_is_unknown_to_a_registry(tmp_path):
    policies = tmp_path / "policies"
    (policies / "data").mkdir(parents=True)
    (policies / "policy.yaml").write_text(HEAD + "rules: [{id: all, effect: allow, reason: Fine.}]\n")
    (policies / "data/mcp_servers.yaml").write_text("github: {}\n")
    with Daemon(tmp_path, policies) as running:
        there = at(running.listen["decision_socket"])
        ran = hook("cursor", cursor_tool("MCP:list_issues", {}), *there)
        assert blocks("cursor", ran)
        assert "mcp_server_unregistered" in ran.err
        assert goes_on("claude-code", hook("claude-code", claude_code("mcp__github__list", {}), *there))
        assert blocks("claude-code", hook("claude-code", claude_code("mcp__gitlab__list", {}), *there))


def test_the_record_names_agent_host_and_the_hosts_own_ids(daemon, socket):
    payload = claude_code(
        "Read", {"file_path": "/srv/seen-in-the-log"}, tool_use_id="toolu_seen", session_id="s-9"
    )
    hook("claude-code", payload, *at(socket), ASCEND_AGENT_ID="ann-laptop")
    until(lambda: records(daemon, "seen-in-the-log"), "the decision is on record")
    [record] = records(daemon, "seen-in-the-log")
    for said in ('"ann-laptop"', '"claude-code"', '"toolu_seen"', '"s-9"'):
        assert said in record


def test_a_halted_agent_does_nothing_more(daemon, socket):
    words = (*at(socket), "--agent", "agent:halted-one")
    payload = reading("codex", "/home/ann/app/a.py")
    assert goes_on("codex", hook("codex", payload, *words))
    halt = (
        "killswitch",
        "block",
        "--agent",
        "agent:halted-one",
        "--reason",
        "test",
        "--state-dir",
        daemon.state,
    )
    done(type_in(*halt))
    ran = hook("codex", payload, *words)
    assert blocks("codex", ran)
    assert "denied, halted" in ran.err


def approve(daemon, approval):
    done(type_in("approvals", "approve", approval, "--state-dir", daemon.state))


def test_what_a_person_approves_goes_on_once_when_the_model_makes_the_same_call_again(holding):
    there = at(holding.listen["decision_socket"])
    first = claude_code("Bash", {"command": "make a", "description": "Build"}, tool_use_id="toolu_1")
    ran = hook("claude-code", first, *there)
    assert blocks("claude-code", ran)
    approval = ran.err.partition("(")[2].partition(",")[0]
    assert f"`ascend-sidecar approvals approve {approval}`" in ran.err
    approve(holding, approval)
    again = claude_code("Bash", {"command": "make a", "description": "Again"}, tool_use_id="toolu_2")
    other = claude_code("Bash", {"command": "make b"})
    assert blocks("claude-code", hook("claude-code", other, *there))
    assert goes_on("claude-code", hook("claude-code", again, *there))
    assert blocks("claude-code", hook("claude-code", again, *there))


@pytest.mark.parametrize("host", HOSTS)
def test_a_hook_that_waits_goes_on_as_soon_as_a_person_approves(host, holding):
    agent = f"agent:waits-in-{host}"
    process = start(host, "--socket", holding.listen["decision_socket"], "--timeout", "50", "--agent", agent)
    assert process.stdin is not None
    process.stdin.write(json.dumps(BASH[host]).encode())
    process.stdin.close()
    process.stdin = None
    [waiting] = until(lambda: opened(holding, agent), "the hook's question waits")
    approve(holding, waiting)
    assert goes_on(host, ended(process))


def opened(daemon, agent):
    told = done(type_in("approvals", "list", "--json", "--state-dir", daemon.state)).json
    return [one["id"] for one in told["approvals"] if agent in json.dumps(one)]


def test_over_tcp_with_a_token_from_a_file_or_the_environment(daemon, tmp_path):
    (tmp_path / "token").write_text("s3cret\n")
    payload = reading("claude-code", "/home/ann/app/a.py")
    words = ("--url", daemon.listen["decision"])
    assert goes_on("claude-code", hook("claude-code", payload, *words, "--token-file", tmp_path / "token"))
    there = {"ASCEND_SIDECAR": daemon.listen["decision"], "ASCEND_TOKEN": "s3cret"}
    assert goes_on("claude-code", hook("claude-code", payload, **there))


def printed(host, folder, *words):
    """The settings, with an `ascend-sidecar` in the folder to be started by them."""
    script = folder / "ascend-sidecar"
    script.write_text(f'#!/bin/sh\ncd {REPOSITORY}; exec {sys.executable} -m sidecar "$@"\n')
    script.chmod(0o755)
    ran = type_in("hook", host, "--print-config", *words, environ={"PATH": str(folder), "HOME": str(folder)})
    return done(ran).json, script


def entry(host, settings):
    """The command, the seconds and all else of the hook that has been printed."""
    hooks = settings["hooks"]
    if host in {"claude-code", "codex"}:
        return hooks["PreToolUse"][0]["hooks"][0]
    return hooks["preToolUse"][0]


def as_host(line, payload, **environ):
    """Started by a login shell, as hosts do."""
    process = subprocess.Popen(
        ["/bin/sh", "-c", line], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=environment(**environ), cwd="/",
    )  # fmt: skip
    return ended(process, json.dumps(payload).encode())


@pytest.mark.parametrize("host", HOSTS)
def test_the_printed_settings_start_a_hook_that_answers_in_the_hosts_time(host, socket, tmp_path):
    settings, script = printed(host, tmp_path, "--socket", socket, "--timeout", "40", "--wait", "0")
    said = entry(host, settings)
    line = said.get("command") or said["bash"]
    assert str(script) in line
    assert said.get("timeout", said.get("timeoutSec")) == 45
    assert goes_on(host, as_host(line, reading(host, "/home/ann/app/a.py")))
    assert blocks(host, as_host(line, reading(host, "/home/ann/.ssh/id_rsa")))


def test_the_printed_settings_close_what_each_host_leaves_open(tmp_path):
    assert entry("claude-code", printed("claude-code", tmp_path)[0])["onFailure"] == "block"
    hooks = printed("cursor", tmp_path)[0]["hooks"]
    assert {name: one["failClosed"] for name, [one] in hooks.items()} == {
        "preToolUse": True,
        "beforeReadFile": True,
    }
    for settings in (printed(host, tmp_path)[0] for host in HOSTS):
        assert "matcher" not in json.dumps(settings)


BROKEN = {
    "is-not-there": None,
    "ends-with-1": "#!/bin/sh\nexit 1\n",
    "ends-with-127": "#!/bin/sh\nexit 127\n",
    "is-killed": "#!/bin/sh\nkill -9 $$\n",
    "cannot-be-started": "#!/no/such/interpreter\n",
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("host", ["claude-code", "codex"])
def test_a_hook_that_breaks_blocks_a_host_that_would_go_on(host, name, tmp_path):
    settings, script = printed(host, tmp_path)
    if BROKEN[name] is None:
        script.unlink()
    else:
        script.write_text(BROKEN[name])
    ran = as_host(entry(host, settings)["command"], BASH[host])
    assert (ran.code, "ascend-sidecar: the hook did not answer" in ran.err) == (2, True)


def test_the_printed_socket_is_that_of_the_daemon_in_the_state_folder(daemon, tmp_path):
    settings, _ = printed("cursor", tmp_path, "--state-dir", daemon.state)
    assert f"--socket {daemon.listen['decision_socket']}" in entry("cursor", settings)["command"]


@pytest.mark.parametrize("words", [("--wait", "x"), ("--socket", "/a", "--url", "http://127.0.0.1:1")])
def test_settings_that_would_not_work_are_not_printed(words):
    ran = type_in("hook", "cursor", "--print-config", *words)
    assert (ran.code, ran.out) == (64, "")


@pytest.mark.parametrize("words", [("hook", "cursr", "--print-config"), ("hook", "cursor")])
def test_what_people_type_wrong_is_a_usage_error(words):
    ran = type_in(*words)
    assert (ran.code, ran.out) == (64, "")


def test_people_are_told_of_every_option_that_a_hook_takes(capsys):
    assert type_in("hook", "--help").code == 0
    told = capsys.readouterr().out
    assert [option for option in OPTIONS if option not in told] == []


def documented(language):
    blocks = re.findall(rf"```{language}\n(.*?)```", (REPOSITORY / "docs/hooks.md").read_text(), re.DOTALL)
    assert blocks
    return blocks


def test_the_settings_in_the_documents_are_those_that_are_printed():
    words = ("--socket", "/run/ascend-sidecar/sidecar.sock")
    printed = [
        snippet(host, ["ascend-sidecar", "hook", host, *words], DEFAULT_TIMEOUT).settings
        for host in ("claude-code", "cursor", "codex", "copilot")
    ]
    assert [json.loads(block) for block in documented("json")] == printed


@pytest.mark.parametrize(("command", "code"), [("git status", 0), ("git status; rm -rf /", 2), ("curl x", 2)])
def test_the_policy_in_the_documents_lets_through_what_it_names_and_no_more(command, code, tmp_path):
    folder = tmp_path / "policies"
    shutil.copytree(REPOSITORY / "policies", folder)
    [policy] = documented("yaml")
    (folder / "shell.yaml").write_text(policy)
    (folder / "tests/shell_test.yaml").unlink()
    words = (
        "agent:a",
        "shell.exec",
        "host:local",
        "--property",
        f"command={command}",
        "--property",
        "cwd=/srv",
    )
    assert type_in("check", "--local", folder, *words).code == code


def test_a_hook_loads_nothing_that_takes_longer_than_its_question():
    """Measured: docs/hooks.md."""
    loads = "import sys, sidecar.cli.entry, sidecar.cli.hosts.answering; print(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", loads], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    heavy = {
        "typer",
        "msgspec",
        "dataclasses",
        "http",
        "ssl",
        "pathlib",
        "asyncio",
        "hashlib",
        "logging",
        "argparse",
    }
    assert heavy & set(ran.stdout.split()) == set()


def test_the_console_script_is_the_one_that_answers_hooks_first():
    assert 'ascend-sidecar = "sidecar.cli.entry:main"' in (REPOSITORY / "pyproject.toml").read_text()
    assert command("cursor")[1:3] == ["-m", "sidecar"]
    assert "sidecar.cli.entry" in Path(REPOSITORY / "sidecar/__main__.py").read_text()
