"""`approvals` against a real daemon, with its sockets and uids, and against nobody."""

import grp
import json
import os
import signal
import subprocess
import sys

import pytest

from tests.fakes.stub_daemon import StubDaemon, on_socket
from tests.fakes.terminal import type_in
from tests.tools.daemon import REPOSITORY, Daemon, until
from tests.tools.people import as_user, folder, hold, myself, open_home, outcome
from tests.tools.workshop import done


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    """The folder of bob.key and bob.pub."""
    home = tmp_path_factory.mktemp("keys")
    done(type_in("bundle", "keygen", "bob", "--out-dir", home))
    done(type_in("bundle", "keygen", "eve", "--out-dir", home))
    return home


@pytest.fixture(scope="module")
def daemon(tmp_path_factory, key):
    home = tmp_path_factory.mktemp("daemon")
    pem = json.dumps((key / "bob.pub").read_text())
    people = myself() + f"bob: {{key: {pem}, groups: [treasury]}}\ncleo: {{groups: [board]}}\n"
    with Daemon(home, folder(home, people)) as running:
        yield running


def say(daemon, verb, *arguments):
    return type_in("approvals", verb, *arguments, "--state-dir", daemon.state)


def test_list_shows_what_waits_and_nothing_once_it_is_answered(daemon):
    _, approval = hold(daemon, amount=1)
    listed = done(say(daemon, "list")).out
    assert approval in listed
    for cell in ("agent:a1", "pay", "account:7", "0 of 1", "group:treasury"):
        assert cell in listed
    done(say(daemon, "deny", approval))
    assert approval not in say(daemon, "list").out
    assert "denied" in next(
        line for line in say(daemon, "list", "--all").out.splitlines() if approval in line
    )


def test_show_tells_what_one_needs_in_order_to_decide(daemon):
    decision, approval = hold(daemon, amount=2)
    told = done(say(daemon, "show", approval)).out
    for fact in (
        f"OPEN {approval}: Somebody from treasury.",
        "agent:a1",
        "called by tcp",
        "amount: 2",
        'password: "masked:hmac:',
        "account:7",
        "rule:big",
        "1 of group:treasury within 900 s",
        "ann, bob",
        f"decision {decision}",
    ):
        assert fact in told
    assert "hunter2" not in told
    assert say(daemon, "show", approval, "--json").json["request"]["action"]["properties"]["amount"] == 2


def test_show_escapes_what_agents_wrote(daemon):
    _, approval = hold(daemon, note="\x1b[2K\n  votes         ann approve\u202e")
    told = done(say(daemon, "show", approval)).out
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert [line for line in told.splitlines() if line.startswith("  votes")] == []


def test_approve_counts_and_says_what_came_of_it(daemon):
    decision, approval = hold(daemon, amount=3)
    ran = done(say(daemon, "approve", approval, "--comment", "invoice seen"))
    assert f"{approval} is granted" in ran.out
    assert outcome(daemon, decision)["code"] == "approved"
    assert "ann (uid:" in say(daemon, "show", approval).out
    assert "invoice seen" in say(daemon, "show", approval).out


def test_deny_ends_it(daemon):
    decision, approval = hold(daemon, amount=4)
    assert say(daemon, "deny", approval, "--json").json["standing"] == "denied"
    assert outcome(daemon, decision)["code"] == "approval_denied"


def test_a_signed_statement_counts_for_its_person(daemon, key):
    decision, approval = hold(daemon, amount=5)
    ran = done(say(daemon, "approve", approval, "--key", key / "bob.key", "--as", "bob"))
    assert "is granted" in ran.out
    assert "bob (key:" in say(daemon, "show", approval).out
    assert outcome(daemon, decision)["code"] == "approved"


def test_a_key_may_come_by_standard_input(daemon, key):
    """Where the daemon is in a container that the person's files are not in."""
    _, approval = hold(daemon, amount=8)
    words = ("approvals", "approve", approval, "--key", "-", "--as", "bob", "--state-dir", daemon.state)
    assert "is granted" in done(type_in(*words, stdin=(key / "bob.key").read_bytes())).out


@pytest.mark.parametrize(
    ("file", "name", "why"),
    [
        ("eve.key", "bob", "not signed by who it names"),
        ("bob.key", "ann", "has no key"),
        ("bob.key", "x", "not in"),
    ],
)
def test_another_persons_key_is_refused(daemon, key, file, name, why):
    _, approval = hold(daemon, amount=6)
    ran = say(daemon, "approve", approval, "--key", key / file, "--as", name)
    assert (ran.code, "FAILED" in ran.out, why in ran.out) == (1, True, True)


def test_what_is_refused_is_1_with_a_reason(daemon):
    _, approval = hold(daemon, amount=7)
    done(say(daemon, "deny", approval))
    again = say(daemon, "approve", approval)
    assert (again.code, "not open any more" in again.out) == (1, True)
    told = say(daemon, "approve", approval, "--json")
    assert (told.code, told.json["status"]) == (1, 409)
    unknown = say(daemon, "show", "apr_0")
    assert (unknown.code, "no approval apr_0" in unknown.out) == (1, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("approve",),
        ("approve", "apr_1", "--key", "/nowhere", "--as", "ann"),
        ("approve", "apr_1", "--key", "/nowhere"),
        ("deny", "apr_1", "--as", "ann"),
        ("show", "../v1/status"),
        ("list", "extra"),
        ("watch", "extra"),
        ("nothing",),
    ],
)
def test_a_usage_error_is_64(arguments):
    ran = type_in("approvals", *arguments)
    assert ran.code == 64
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("arguments", [("list",), ("show", "apr_1"), ("approve", "apr_1"), ("watch",)])
def test_nobody_there_is_69(tmp_path, arguments):
    ran = type_in("approvals", *arguments, "--state-dir", tmp_path, "--run-dir", tmp_path / "run")
    assert (ran.code, ran.out) == (69, "")
    assert f"unix:{tmp_path}/run/approvals.sock" in ran.err


def test_somebody_else_there_is_69(tmp_path):
    for told in (StubDaemon(), StubDaemon({"GET /v1/approvals": (200, b"OK")})):
        with on_socket(told, tmp_path / "a.sock") as path:
            assert type_in("approvals", "list", "--socket", path).code == 69
        (tmp_path / "a.sock").unlink()


def test_a_daemon_that_cannot_keep_a_vote_is_69(tmp_path):
    stub = StubDaemon({"POST /v1/approvals/apr_1/approve": (503, {"detail": "the disk is full"})})
    with on_socket(stub, tmp_path / "a.sock") as path:
        ran = type_in("approvals", "approve", "apr_1", "--socket", path)
    assert (ran.code, "the disk is full" in ran.err) == (69, True)


@pytest.mark.parametrize("as_json", [False, True])
def test_watch_prints_what_comes_until_it_is_interrupted(daemon, tmp_path, as_json):
    _, before = hold(daemon, amount=8, json=as_json)
    out = tmp_path / "out"
    flags = ["--json"] if as_json else []
    with out.open("wb") as file:
        watching = subprocess.Popen(
            [sys.executable, "-m", "sidecar", "approvals", "watch", "--state-dir", daemon.state, *flags],
            cwd=REPOSITORY, stdout=file, stderr=subprocess.PIPE,
        )  # fmt: skip
    try:
        until(lambda: before in out.read_text(), "what waits already is printed")
        _, later = hold(daemon, amount=9, json=as_json)
        until(lambda: later in out.read_text(), "what comes is printed")
        done(say(daemon, "deny", later))
        word = '"standing":"denied"' if as_json else "denied"
        until(lambda: any(later in line and word in line for line in lines(out)), "its end is printed")
        watching.send_signal(signal.SIGINT)
        assert watching.wait(20) == 130
        assert b"Traceback" not in watching.stderr.read()
        if as_json:
            assert all(json.loads(line)["id"] for line in lines(out))
    finally:
        watching.kill()
        watching.wait()
        watching.stderr.close()


def lines(path):
    return path.read_text().splitlines()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_a_person_who_may_not_see_the_state_folder_finds_the_socket_in_the_run_folder():
    group = grp.getgrall()[1]
    environ = {"ASCEND_SIDECAR_APPROVALS_GROUP": group.gr_name}
    people = "ann: {uids: [54001], groups: [treasury]}\n"
    with open_home() as home, Daemon(home, folder(home, people), environ=environ) as running:
        _, approval = hold(running)
        places = ("--state-dir", running.state, "--run-dir", home / "run")
        with as_user(54001, group.gr_gid):
            told = type_in("approvals", "approve", approval, *places)
        assert (told.code, told.err) == (0, "")
        with as_user(54001, 54001):
            told = type_in("approvals", "list", *places)
        assert (told.code, "Permission denied" in told.err) == (69, True)
