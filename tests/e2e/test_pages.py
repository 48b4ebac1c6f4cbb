"""The commands of pages that have no test of their own: bundles.md, approvals.md, hooks.md, quick-starts.md."""

import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest

from tests.fakes.terminal import type_in
from tests.tools.daemon import REPOSITORY, Daemon
from tests.tools.people import folder, hold, myself
from tests.tools.workshop import done

SH = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def commands(page):
    """Of all `sh` blocks, without what stands behind a `#`."""
    blocks = re.findall(
        r"^```sh\n(.*?)^```$", (REPOSITORY / "docs" / page).read_text(), re.DOTALL | re.MULTILINE
    )
    lines = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    return [words for words in lines if words]


def in_a_shell(daemon, page):
    """What all the commands of the page's `sh` blocks say, in an environment that knows the daemon."""
    script = "".join(SH.findall((REPOSITORY / "docs" / page).read_text()))
    environ = {name: value for name, value in os.environ.items() if not name.startswith("ASCEND")}
    environ |= {
        "PATH": f"{tools(daemon.folder)}:{os.environ['PATH']}",
        "ASCEND_SIDECAR_STATE_DIR": str(daemon.state),
        "ASCEND_SIDECAR_RUN_DIR": str(daemon.folder / "run"),
        "ASCEND_SIDECAR_POLICIES": "default",
        "PYTHONPATH": str(REPOSITORY),
    }
    ran = subprocess.run(
        ["sh", "-c", script], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    return ran.stdout + ran.stderr


def tools(folder):
    """A folder with the command that is tested, whatever is installed."""
    made = folder / "bin"
    made.mkdir(exist_ok=True)
    command = made / "ascend-sidecar"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sidecar "$@"\n')
    command.chmod(0o755)
    return made


def test_a_step_to_new_keys_is_signed_and_carried(tmp_path, monkeypatch):
    shutil.copytree(REPOSITORY / "policies", tmp_path / "policies")
    monkeypatch.chdir(tmp_path)
    for name in ("old", "new"):
        done(type_in("bundle", "keygen", name, "--out-dir", "."))
    rotate, build = commands("bundles.md")
    for words in (rotate, build):
        done(type_in(*words[1:]))
    verified = done(type_in("bundle", "verify", "prod.dsse", "--pub", "old.pub")).out
    assert "8" in verified


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    home = tmp_path_factory.mktemp("daemon")
    with Daemon(home, folder(home, myself())) as running:
        yield running


def test_what_waits_is_shown_and_answered(daemon):
    watch, *answers = commands("approvals.md")
    assert watch[1:] == ["approvals", "watch"]  # it never ends; test_cli_approvals.py ends it
    told = {}
    for number, words in enumerate(answers):
        _, approval = hold(daemon, amount=number)
        typed = [approval if word == "apr_0a1b2c" else word for word in words[1:]]
        told[words[2]] = done(type_in(*typed, "--state-dir", daemon.state)).out
    assert "OPEN" in told["show"]
    assert "is granted" in told["approve"]
    assert "is denied" in told["deny"]


def test_a_hook_is_tried_by_hand(daemon):
    told = in_a_shell(daemon, "hooks.md")
    assert '"PreToolUse"' in told
    assert "status 2" in told


def test_doctor_ends_with_the_lines_that_ask(daemon):
    *_, last = in_a_shell(daemon, "quick-starts.md").strip().splitlines()
    assert last.startswith("curl -sS")
    assert daemon.listen["decision"] in last
