"""Every command of the README does what the README says."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys

import pytest

from tests.fakes.terminal import type_in
from tests.tools.daemon import REPOSITORY, until

BLOCKS = re.findall(r"```sh\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.replace("\\\n", " ").splitlines()]
FREE = "--listen 127.0.0.1:0 --ops-listen 127.0.0.1:0"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """`make run`, but on free ports and with its state elsewhere."""
    state = tmp_path_factory.mktemp("run") / "state"
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("ASCEND", "MAKE"))}
    process = subprocess.Popen(
        ["make", "--silent", "run", f"STATE={state}", f"ARGS={FREE}"],
        cwd=REPOSITORY, env=environ, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        until(
            lambda: (state / "listen.json").exists() or process.poll() is not None, "make run is ready", 120
        )
        assert process.poll() is None
        welcome = [process.stdout.readline() for _ in range(6)]
        yield state, json.loads((state / "listen.json").read_bytes()), "".join(welcome)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)
        process.stdout.close()


def run(command: str, state, listen) -> subprocess.CompletedProcess:
    here = command.replace(".venv/bin/ascend-sidecar", f"{sys.executable} -m sidecar")
    here = here.replace("http://127.0.0.1:8181", listen["decision"]).replace(".state", str(state))
    return subprocess.run(
        shlex.split(here, comments=True),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def told(prefix: str) -> str:
    return next(command for command in COMMANDS if command.startswith(prefix))


def test_the_two_commands_are_targets():
    for command in ("make run", "make test"):
        assert told(command)
        target = command.split()[1]
        dry = subprocess.run(
            ["make", "-n", target], cwd=REPOSITORY, capture_output=True, text=True, check=False
        )
        assert dry.returncode == 0, dry.stderr


def test_make_run_prints_a_line_that_can_be_tried(running):
    state, listen, welcome = running
    line = next(line.strip() for line in welcome.splitlines() if line.strip().startswith("curl"))
    assert json.loads(run(line, state, listen).stdout)["decision"] is True


def test_the_curl_lines_get_decisions(running):
    state, listen, _ = running
    tcp, unix = (command for command in COMMANDS if command.startswith("curl"))
    allowed = json.loads(run(tcp, state, listen).stdout)
    assert allowed["decision"] is True
    assert allowed["context"]["risk"]["score"] > 0
    assert json.loads(run(unix, state, listen).stdout)["context"]["verdict"] == "pending"


@pytest.mark.parametrize(
    ("prefix", "code", "expected"),
    [
        (".venv/bin/ascend-sidecar check", 1, "deny"),
        (".venv/bin/ascend-sidecar approvals list", 0, "shell.exec"),
        (".venv/bin/ascend-sidecar audit show", 0, "policy_denied"),
        (".venv/bin/ascend-sidecar audit verify", 0, ""),
        (".venv/bin/ascend-sidecar policy lint", 0, ""),
        (".venv/bin/ascend-sidecar policy test", 0, ""),
        (".venv/bin/ascend-sidecar policy diff", 0, "no difference"),
        (".venv/bin/ascend-sidecar policy explain", 0, ""),
        (".venv/bin/ascend-sidecar policy replay", 0, "0 newly allowed"),
    ],
)
def test_the_command_line_does_what_it_says(running, prefix, code, expected):
    state, listen, _ = running
    ended = run(told(prefix), state, listen)
    assert ended.returncode == code, ended.stdout + ended.stderr
    assert expected in ended.stdout.lower()


def test_an_agent_is_halted_and_released(running):
    state, listen, _ = running
    told_by = {}
    for verb, code in (("block", 0), ("status", 1), ("unblock", 0)):
        ended = run(told(f".venv/bin/ascend-sidecar killswitch {verb}"), state, listen)
        assert ended.returncode == code, ended.stdout + ended.stderr
        told_by[verb] = ended.stdout
        asked = type_in("check", "agent:demo", "database.read", "resource:x", "--state-dir", state, "--json")
        assert (asked.json["context"]["code"] == "halted") is (verb != "unblock")
    assert "agent agent:demo is halted" in told_by["block"]
    assert "pays twice" in told_by["status"]


def test_a_bundle_is_made_signed_verified_and_tested(running):
    state, listen, _ = running
    bundle = [command for command in COMMANDS if ".state/demo" in command and command.startswith(".venv")]
    assert [command.split()[2] for command in bundle] == ["keygen", "build", "sign", "verify", "test"]
    for command in bundle:
        ended = run(command, state, listen)
        assert ended.returncode == 0, ended.stdout + ended.stderr
    _serve(told("ASCEND_SIDECAR_TRUST_KEYS="), state)


def _serve(command, state):
    """A host that trusts the key takes the bundle."""
    variable, _, rest = command.replace(".state", str(state)).partition(" ")
    words = shlex.split(rest.replace(".venv/bin/ascend-sidecar", f"{sys.executable} -m sidecar"))
    environ = {name: value for name, value in os.environ.items() if not name.startswith("ASCEND")}
    environ |= dict([variable.split("=")])
    home = state / "demo"
    process = subprocess.Popen(
        [*words, *FREE.split(), "--run-dir", str(home / "run"), "--require-bundle"],
        cwd=REPOSITORY, env=environ, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until(lambda: (home / "listen.json").exists() or process.poll() is not None, "the host is ready")
        asked = type_in("check", "agent:demo", "database.read", "resource:x", "--state-dir", home)
        assert (asked.code, asked.err) == (0, "")
    finally:
        process.terminate()
        process.wait(20)


def test_no_command_is_left_out():
    covered = ("make run", "make test", "curl ", ".venv/bin/ascend-sidecar ", "ASCEND_SIDECAR_TRUST_KEYS=")
    assert [command for command in COMMANDS if command.strip() and not command.startswith(covered)] == []
