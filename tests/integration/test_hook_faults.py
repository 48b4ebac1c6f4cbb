"""A hook that cannot have a decision blocks, in the form of each host, whatever is the matter."""

import json
import signal
import socket
import subprocess
import sys
import time

import pytest

from sidecar.cli.hosts.calls import CannotTell, Question
from sidecar.cli.hosts.daemon import Asker, ask
from sidecar.cli.hosts.dialects import HOSTS
from sidecar.cli.hosts.payloads import payload_of
from sidecar.cli.hosts.words import read_words
from tests.tools.daemon import REPOSITORY, until
from tests.tools.hook_payloads import BASH, claude_code, cursor
from tests.tools.hook_server import answering, decided, decision, dripping, endless, http, silent
from tests.tools.hooked import at, blocks, ended, environment, goes_on, hook, start

SECRET = "hunter2-in-the-arguments"
ANSWERS = {
    "closed": b"",
    "garbage": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "half": http(decision(), "X-Ascend-Verdict: allow", length=4000),
    "longer-than-it-says": http(decision(), "X-Ascend-Verdict: allow", length=2),
    "no-json": http(b"<html>welcome</html>", "X-Ascend-Verdict: allow"),
    "a-list": http(b"[]", "X-Ascend-Verdict: allow"),
    "deep": http(b"[" * 100_000, "X-Ascend-Verdict: allow"),
    "no-decision": http({"context": {}}, "X-Ascend-Verdict: allow"),
    "no-context": http({"decision": True}, "X-Ascend-Verdict: allow"),
    "no-header": http(decision()),
    "header-says-deny": http(decision(), "X-Ascend-Verdict: deny"),
    "body-says-deny": http({**decision("deny"), "decision": True}, "X-Ascend-Verdict: deny"),
    "flag-says-no": http({**decision(), "decision": False}, "X-Ascend-Verdict: allow"),
    "truthy": http({**decision(), "decision": 1}, "X-Ascend-Verdict: allow"),
    "header-twice": http(decision(), "X-Ascend-Verdict: deny", "X-Ascend-Verdict: allow"),
    "another-word": http({**decision("permit"), "decision": True}, "X-Ascend-Verdict: permit"),
    "obligations": decided(obligations=[{"id": "mask", "type": "mask"}]),
    "no-obligations-told": http(
        {"decision": True, "context": {"verdict": "allow", "code": "x", "reason": "", "id": "1"}},
        "X-Ascend-Verdict: allow",
    ),
    "bad-request": http({"detail": "subject.id: is required"}, status=400),
    "failing": http({"detail": "broken"}, status=503),
    "moved": http(b"", "Location: http://elsewhere/", status=302),
    "other-status": http(decision(), "X-Ascend-Verdict: allow", status=201),
    "too-long": http(b" " * (2 << 20) + json.dumps(decision()).encode(), "X-Ascend-Verdict: allow"),
    "endless": endless,
    "silent": silent,
    "dripping": dripping,
}


QUESTION = Question("shell.exec", "host", "local", {"command": "ls"}, {"hook": "codex"})


@pytest.mark.parametrize("name", ANSWERS)
def test_only_a_whole_allow_of_the_daemon_is_allowed(name, tmp_path):
    asker = Asker(f"unix:{tmp_path}/s.sock", {"type": "agent", "id": "a"})
    with answering(tmp_path / "s.sock", ANSWERS[name]) as asked:
        try:
            told = ask(asker, QUESTION, time.monotonic() + (20 if isinstance(ANSWERS[name], bytes) else 1))
        except CannotTell:
            told = None
    assert told is None or not told.is_allowed
    assert len(asked) == 1


def test_a_whole_allow_of_the_daemon_is_allowed(tmp_path):
    asker = Asker(f"unix:{tmp_path}/s.sock", {"type": "agent", "id": "a"}, "t0ken", ("toolu_1", "s-1\r\n"))
    with answering(tmp_path / "s.sock", decided()) as asked:
        assert ask(asker, QUESTION, time.monotonic() + 20).is_allowed
    head, _, body = asked[0].decode().partition("\r\n\r\n")
    assert head.split("\r\n")[:4] == [
        "POST /access/v1/evaluation HTTP/1.1", "Host: localhost", "Connection: close", "Prefer: wait=19",
    ]  # fmt: skip
    assert "X-Request-ID: toolu_1\r\nAuthorization: Bearer t0ken" in head
    assert "s-1" not in head
    assert json.loads(body) == {
        "subject": {"type": "agent", "id": "a"},
        "action": {"name": "shell.exec", "properties": {"command": "ls"}},
        "resource": {"type": "host", "id": "local"},
        "context": {"hook": "codex"},
    }


@pytest.mark.parametrize("name", ["half", "obligations", "failing"])
def test_a_host_is_blocked_by_an_answer_that_is_no_allow(name, tmp_path):
    with answering(tmp_path / "s.sock", ANSWERS[name]):
        assert blocks("codex", hook("codex", BASH["codex"], *at(tmp_path / "s.sock")))


@pytest.mark.parametrize("host", HOSTS)
def test_a_whole_allow_lets_each_host_go_on(host, tmp_path):
    with answering(tmp_path / "s.sock", decided()):
        assert goes_on(host, hook(host, BASH[host], *at(tmp_path / "s.sock")))


@pytest.mark.parametrize("host", HOSTS)
def test_a_deny_is_told_to_each_host_with_its_reason_and_its_record(host, tmp_path):
    with answering(tmp_path / "s.sock", decided("deny", code="policy_denied", reason="Not\x1b[2J this.\n")):
        ran = hook(host, BASH[host], *at(tmp_path / "s.sock"))
    assert blocks(host, ran)
    for said in (ran.out, ran.err):
        assert "denied, policy_denied: Not [2J this." in said
        assert "(decision 7)" in said


@pytest.mark.parametrize("host", HOSTS)
def test_without_a_daemon_each_host_is_blocked_and_told_where_to_look(host, tmp_path):
    ran = hook(host, BASH[host], *at(tmp_path / "none.sock"))
    assert blocks(host, ran)
    assert "none.sock (No such file or directory); `ascend-sidecar doctor` tells more" in ran.err


def test_a_socket_that_nobody_listens_at_blocks(tmp_path):
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(tmp_path / "s.sock"))
        assert blocks("codex", hook("codex", BASH["codex"], *at(tmp_path / "s.sock")))


def test_a_port_that_nobody_listens_at_blocks():
    assert blocks("codex", hook("codex", BASH["codex"], "--url", "http://127.0.0.1:1"))


@pytest.mark.parametrize("host", HOSTS)
def test_a_daemon_that_never_answers_blocks_each_host_in_time(host, tmp_path):
    with answering(tmp_path / "s.sock", silent):
        ran = hook(host, BASH[host], *at(tmp_path / "s.sock", 1))
    assert blocks(host, ran)
    assert "no whole answer in time" in ran.err or "longer than 1 s" in ran.err


INPUTS = {
    "empty": b"",
    "blank": b" \n",
    "no-json": b"{",
    "no-object": b"[]",
    "a-word": b'"ls"',
    "not-utf-8": b'{"tool_name": "\xff"}',
    "a-member-twice": b'{"tool_name": "Bash", "tool_name": "Read"}',
    "nan": b'{"tool_name": NaN}',
    "deep": b'{"tool_input": ' + b"[" * 100_000,
    "no-event": b'{"tool_name": "Bash", "tool_input": {"command": "ls"}}',
}


@pytest.mark.parametrize("name", INPUTS)
def test_an_input_that_cannot_be_read_cannot_be_told(name):
    with pytest.raises(CannotTell) as raised:
        HOSTS["claude-code"].read(payload_of(INPUTS[name]))
    assert "Bash" not in str(raised.value)


@pytest.mark.parametrize("raw", [b"", b"{", b" " * (17 << 20) + b"{}"], ids=["empty", "no-json", "huge"])
@pytest.mark.parametrize("host", HOSTS)
def test_an_input_that_cannot_be_read_blocks_and_nobody_is_asked(host, raw, tmp_path):
    with answering(tmp_path / "s.sock", decided()) as asked:
        process = start(host, *at(tmp_path / "s.sock"))
        assert process.stdin is not None
        process.stdin.write(raw)  # Codex goes on where this fails
        ran = ended(process)
    assert blocks(host, ran)
    assert asked == []


@pytest.mark.parametrize("host", HOSTS)
def test_an_event_that_is_not_before_a_tool_blocks(host, tmp_path):
    payload = {**BASH[host], "hook_event_name": "SomethingNew"}
    with answering(tmp_path / "s.sock", decided()) as asked:
        assert blocks(host, hook(host, payload, *at(tmp_path / "s.sock")))
    assert asked == []


@pytest.mark.parametrize("host", HOSTS)
def test_an_input_that_never_ends_blocks_in_time(host):
    process = start(host, "--timeout", "1")
    assert process.stdin is not None
    process.stdin.write(b'{"tool_name"')
    process.stdin.flush()
    process.wait(30)
    ran = ended(process)
    assert blocks(host, ran)
    assert "longer than 1 s" in ran.err


@pytest.mark.parametrize(
    ("host", "ending"),
    [*((host, signal.SIGTERM) for host in HOSTS), ("codex", signal.SIGINT), ("codex", signal.SIGHUP)],
)
def test_a_hook_that_is_told_to_end_blocks(host, ending, tmp_path):
    with answering(tmp_path / "s.sock", silent) as asked:
        process = start(host, *at(tmp_path / "s.sock"))
        assert process.stdin is not None
        process.stdin.write(json.dumps(BASH[host]).encode())
        process.stdin.close()
        process.stdin = None
        until(lambda: asked, "the hook has asked")
        process.send_signal(ending)
        ran = ended(process)
    assert blocks(host, ran)
    assert f"told to end, by {ending.name}" in ran.err


@pytest.mark.parametrize("host", HOSTS)
def test_an_error_of_our_own_blocks_without_telling_the_arguments(host, tmp_path):
    arguments = {"file_path": f"/{SECRET}\0"}
    payload = {
        **BASH[host],
        **({"toolName": "view", "toolArgs": arguments} if host == "copilot" else {}),
        "tool_name": "view_image" if host == "codex" else "Read",
        "tool_input": arguments,
    }
    ran = hook(host, payload, *at(tmp_path / "s.sock"))
    assert blocks(host, ran)
    assert "internal error, ValueError" in ran.err
    assert SECRET not in ran.out + ran.err


@pytest.mark.parametrize(
    "words",
    [
        ("claude-code",),
        ("--agnet", "x"),
        ("--agent", "a", "--agent", "b"),
        ("--timeout", "soon"),
        ("--timeout", "nan"),
        ("--wait", "-1"),
        ("--socket", "/s", "--url", "http://127.0.0.1:1"),
        ("--socket", "relative.sock"),
        ("--socket",),
        ("--url", "https://127.0.0.1:1"),
        ("--url", "http://127.0.0.1"),
        ("--url", "http://127.0.0.1:1/path"),
        ("--token-file", "/no/such/file"),
        ("--token-file", "/dev/null"),
    ],
    ids=" ".join,
)
def test_a_command_that_is_not_understood_cannot_be_told(words):
    with pytest.raises(CannotTell):
        read_words(words, {}, "codex")


@pytest.mark.parametrize("token", ["two words", "s3cret\x01", "\u00e9"])
def test_a_token_that_could_break_a_request_is_not_taken_and_not_shown(token):
    with pytest.raises(CannotTell, match="token must be printable ASCII"):
        read_words((), {"ASCEND_TOKEN": token}, "codex")


@pytest.mark.parametrize(
    ("words", "environ", "agent", "address"),
    [
        ((), {}, "agent:codex", "unix:/run/ascend-sidecar/sidecar.sock"),
        (
            (),
            {"ASCEND_AGENT_ID": "ann", "ASCEND_SIDECAR": "http://[::1]:8181"},
            "agent:ann",
            "http://[::1]:8181",
        ),
        (("--agent=user:ann", "--socket=/s"), {"ASCEND_AGENT_ID": "x"}, "user:ann", "unix:/s"),
        (
            ("--url", "http://127.0.0.1:1/"),
            {"ASCEND_SIDECAR": "unix:/s"},
            "agent:codex",
            "http://127.0.0.1:1/",
        ),
    ],
)
def test_words_come_before_the_environment_and_that_before_the_default(words, environ, agent, address):
    read = read_words(words, environ, "codex")
    assert (read.agent, read.address, read.timeout, read.wait) == (agent, address, 25.0, 25.0)


def test_nobody_waits_longer_for_people_than_there_is_time():
    read = read_words(("--timeout", "10", "--wait", "60"), {}, "codex")
    assert (read.timeout, read.wait) == (10.0, 10.0)


@pytest.mark.parametrize(
    "words", [(), ("no-such-host",), ("--agent", "cursor", "claude-code"), ("codex", "--agnet")], ids=" ".join
)
def test_a_command_that_is_not_understood_blocks_with_all_of_the_input_read(words):
    process = subprocess.Popen(
        [sys.executable, "-m", "sidecar", "hook", *words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=REPOSITORY, env=environment(),
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(b" " * (1 << 20))  # Codex goes on where this fails
    ran = ended(process, b"{}")
    assert (ran.code, ran.err.startswith("ascend-sidecar: not decided, so not allowed: ")) == (2, True)


@pytest.mark.parametrize("host", ["claude-code", "cursor"])
def test_a_host_that_does_not_read_the_answer_finds_the_hook_failed(host, tmp_path):
    with answering(tmp_path / "s.sock", decided("deny")):
        process = start(host, *at(tmp_path / "s.sock"))
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        assert ended(process, json.dumps(BASH[host]).encode()).code == 2


def test_an_installation_that_is_broken_blocks():
    broken = "import sys; sys.argv = ['x', 'hook', 'codex']; sys.modules['socket'] = None"
    ran = ended(
        subprocess.Popen(
            [sys.executable, "-c", f"{broken}; from sidecar.cli.entry import main; main()"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=REPOSITORY,
        ),
        b"{}",
    )  # fmt: skip
    assert (ran.code, ran.err) == (2, "ascend-sidecar: the hook failed, ModuleNotFoundError; not allowed\n")


def test_cursors_events_that_could_consent_for_the_user_get_no_permission(tmp_path):
    payload = cursor("beforeShellExecution", command="ls", cwd="/", sandbox=False)
    with answering(tmp_path / "s.sock", decided()):
        assert hook("cursor", payload, *at(tmp_path / "s.sock")).json == {}


def test_a_hold_is_waited_for_and_the_news_must_be_of_the_same_decision(tmp_path):
    held = decided("pending", approval={"id": "apr_1", "expires_at": "2026-01-01T00:00:00Z"})
    words = ("--socket", tmp_path / "s.sock", "--timeout", "20")
    with answering(tmp_path / "s.sock", held, decided()) as asked:
        assert goes_on("claude-code", hook("claude-code", BASH["claude-code"], *words))
    assert asked[1].startswith(b"GET /v1/decisions/7 HTTP/1.1\r\n")
    (tmp_path / "s.sock").unlink()
    with answering(tmp_path / "s.sock", held, decided(id="8")):
        assert "for another decision" in hook("claude-code", BASH["claude-code"], *words).err


def test_a_wait_that_the_daemon_does_not_end_ends_in_time_and_says_held(tmp_path):
    held = decided("pending", approval={"id": "apr_1", "expires_at": "2026-01-01T00:00:00Z"})
    with answering(tmp_path / "s.sock", held, silent) as asked:
        ran = hook("copilot", BASH["copilot"], "--socket", tmp_path / "s.sock", "--wait", "4")
    assert blocks("copilot", ran)
    assert len(asked) == 2
    assert "`ascend-sidecar approvals approve apr_1`" in ran.json["permissionDecisionReason"]


def test_a_daemon_that_does_not_wait_is_not_asked_all_the_time(tmp_path):
    held = decided("pending", approval={"id": "apr_1", "expires_at": "2026-01-01T00:00:00Z"})
    with answering(tmp_path / "s.sock", held) as asked:
        ran = hook("codex", BASH["codex"], "--socket", tmp_path / "s.sock", "--wait", "4")
    assert "`ascend-sidecar approvals approve apr_1`" in ran.err
    assert 2 <= len(asked) <= 5


def test_nothing_of_the_arguments_is_in_what_the_hook_says(tmp_path):
    payload = claude_code("Bash", {"command": f"echo {SECRET}"})
    for script in (decided("deny"), http(b"?"), http({"detail": "no"}, status=400)):
        with answering(tmp_path / "s.sock", script):
            ran = hook("claude-code", payload, *at(tmp_path / "s.sock"))
        (tmp_path / "s.sock").unlink()
        assert SECRET not in ran.out + ran.err
