"""The commands of pages that have no test of their own: docs/bundles.md and docs/approvals.md."""

import re
import shlex
import shutil

import pytest

from tests.fakes.terminal import type_in
from tests.tools.daemon import REPOSITORY, Daemon
from tests.tools.people import folder, hold, myself
from tests.tools.workshop import done


def commands(page):
    """Of all `sh` blocks, without what stands behind a `#`."""
    blocks = re.findall(
        r"^```sh\n(.*?)^```$", (REPOSITORY / "docs" / page).read_text(), re.DOTALL | re.MULTILINE
    )
    lines = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    return [words for words in lines if words]


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
