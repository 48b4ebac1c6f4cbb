"""`killswitch` against a daemon that answers as it is told: what is shown, and how each command ends."""

import json

import pytest

from tests.fakes.stub_daemon import StubDaemon, on_socket
from tests.fakes.terminal import type_in

HALT = {
    "scope": {"kind": "agent", "name": "agent:a"},
    "origin": "fleet",
    "reason": "pays\ntwice",
    "issued_by": "ann",
    "issued_at": "2026-01-31T09:00:00.000000Z",
    "expires_at": None,
    "proof": "signed",
    "seq": 7,
}
DONE = {**HALT, "command": "BLOCK", "in_force": True, "also_halted_by": []}
CLEAR = {"halts": [], "more": 0, "hosts": ["here"], "damaged": False, "quarantined": "", "unsettled": ""}
BLOCK = ("block", "--agent", "agent:a", "--reason", "x")


@pytest.fixture
def say(tmp_path):
    """Type in a command while the daemon has one answer; also what it was asked."""

    def run(answers, *words):
        stub = StubDaemon(answers)
        with on_socket(stub, tmp_path / "admin.sock"):
            ran = type_in("killswitch", *words, "--state-dir", tmp_path)
        (tmp_path / "admin.sock").unlink()
        return ran, [json.loads(body) for _, _, _, body in stub.asked if body]

    return run


def test_nothing_halted_is_0_and_something_is_1(say):
    ran, _ = say({"GET /v1/killswitch": (200, CLEAR)}, "status")
    assert (ran.code, ran.out) == (0, "ok nothing is halted on here\n")
    ran, _ = say({"GET /v1/killswitch": (200, {**CLEAR, "halts": [HALT], "more": 3})}, "status")
    assert ran.code == 1
    for part in (
        "agent agent:a",
        "fleet",
        "ann",
        "2026-01-31T09:00",
        "released",
        "pays\\ntwice",
        "and 3 more",
    ):
        assert part in ran.out


def test_damage_and_halts_that_are_not_kept_are_told(say):
    told = {**CLEAR, "damaged": True, "quarantined": "halts.db.damaged-1", "unsettled": "the disk is full"}
    ran, _ = say({"GET /v1/killswitch": (200, told)}, "status")
    assert ran.code == 1
    for part in ("halts.db.damaged-1", "killswitch reset", "the disk is full"):
        assert part in ran.out
    assert "nothing is halted" not in ran.out


SIGHT = {"received": 0.25, "beacon": 3.0, "confirmed": 1.5, "lost": [], "blind": ""}
QUEUE = {"name": "https://sqs/q", "why": "", "error": "", "unsettled": "", "shared_queue_suspected": False}
STATE = {"name": "s3://halts/h", "failing": "", "epoch": 7, "issued_at": "2026-01-31T09:00:00.000000Z"}
FEED = {**CLEAR, "sight": SIGHT, "queue": QUEUE, "state": STATE}


def test_a_feed_shows_how_lately_something_came_by_each_way(say):
    ran, _ = say({"GET /v1/killswitch": (200, FEED)}, "status")
    assert ran.code == 0
    assert ran.out.splitlines()[1:] == [
        "ok queue https://sqs/q: received 0.2 s ago, a beacon 3.0 s ago",
        "ok state s3://halts/h: epoch 7 of 2026-01-31T09:00:00.000000Z, read 1.5 s ago",
    ]


def test_what_is_wrong_with_a_way_is_told_at_it(say):
    queue = {**QUEUE, "error": "no such queue", "shared_queue_suspected": True}
    state = {**STATE, "epoch": 0, "issued_at": None, "failing": "it expired"}
    sight = {**SIGHT, "beacon": None}
    ran, _ = say(
        {"GET /v1/killswitch": (200, {**FEED, "queue": queue, "state": state, "sight": sight})}, "status"
    )
    assert ran.out.splitlines()[1:] == [
        "degraded queue https://sqs/q: received 0.2 s ago, a beacon never: no such queue; others seem to read it",
        "degraded state s3://halts/h: read 1.5 s ago: it expired",
    ]


def test_blind_is_1_and_says_why(say):
    told = {**FEED, "sight": {**SIGHT, "blind": "Nobody can say what is halted: x."}, "state": None}
    ran, _ = say({"GET /v1/killswitch": (200, told)}, "status")
    assert (ran.code, "failing Nobody can say what is halted: x.\n" in ran.out) == (1, True)
    assert "state" not in ran.out


def test_json_is_what_the_daemon_said(say):
    told = {**CLEAR, "feed": {"anything": 1}}
    assert say({"GET /v1/killswitch": (200, told)}, "status", "--json")[0].json == told
    assert say({"POST /v1/killswitch/block": (200, DONE)}, *BLOCK, "--json")[0].json == DONE


def test_a_halt_is_asked_for_with_its_length_by_the_daemons_clock(say):
    ran, (body,) = say({"POST /v1/killswitch/block": (200, DONE)}, *BLOCK, "--for", "30m")
    assert body == {"scope": {"kind": "agent", "name": "agent:a"}, "reason": "x", "for_seconds": 1800.0}
    assert (ran.code, ran.out) == (0, "ok agent agent:a is halted until it is released, by ann\n")


def test_what_still_halts_after_a_release_is_told(say):
    told = {**DONE, "command": "UNBLOCK", "also_halted_by": [{**HALT, "origin": "file", "reason": ""}]}
    ran, _ = say({"POST /v1/killswitch/unblock": (200, told)}, "unblock", "--agent", "agent:a")
    assert "is released, by ann\n  but still halted by file: no reason given\n" in ran.out


@pytest.mark.parametrize("status", [404, 409, 503])
@pytest.mark.parametrize(
    "words", [BLOCK, ("unblock", "--everything"), ("reset",)], ids=lambda words: words[0]
)
def test_what_the_daemon_will_not_do_or_could_not_keep_is_1(say, status, words):
    told = {"detail": "it is so"}
    answers = {f"POST /v1/killswitch/{words[0]}": (status, told)}
    ran, _ = say(answers, *words)
    assert (ran.code, ran.out) == (1, "FAILED it is so\n")
    ran, _ = say(answers, *words, "--json")
    assert (ran.code, ran.json) == (1, told)


@pytest.mark.parametrize(("status", "code"), [(400, 64), (500, 69)])
def test_what_else_a_daemon_answers_is_no_success(say, status, code):
    ran, _ = say({"POST /v1/killswitch/block": (status, {"detail": "no"})}, *BLOCK)
    assert (ran.code, ran.out) == (code, "")


def test_what_is_no_daemon_is_69(say, tmp_path):
    assert say({"POST /v1/killswitch/block": (200, b"hello")}, *BLOCK)[0].code == 69
    assert type_in("killswitch", "status", "--state-dir", tmp_path).code == 69


@pytest.mark.parametrize(
    "words",
    [
        ("block", "--agent", "a"),
        ("block", "--reason", "x"),
        (*BLOCK, "--everything"),
        (*BLOCK, "--for", "0s"),
        (*BLOCK, "--expires", "2020-01-01T00:00:00Z"),
        ("unblock",),
        ("unblock", "--agent", "a\x07"),
    ],
    ids=" ".join,
)
def test_what_is_no_order_is_a_usage_error_and_is_not_sent(say, words):
    ran, asked = say({}, *words)
    assert (ran.code, ran.out, asked) == (64, "", [])
