"""What is owed: how each item is told, and what the platform's answer means for it."""

import msgspec
import pytest

from sidecar.core.model import Caller, Code, Control, Decision, Door, Ruling, Verdict
from sidecar.core.owed import (
    Fate,
    Kind,
    acknowledgement,
    completion,
    fate,
    fate_without,
    heartbeat,
    pause,
    proceeded_open,
    report,
)
from sidecar.core.platform import Reason, Scored, Unavailable
from sidecar.core.record import DecisionRecord
from tests.tools.bundles import request

NOW = 1_700_000_000.0
OPEN = Ruling(Control.PLATFORM, Verdict.ALLOW, Code.PLATFORM_OPEN)


def record(scored=None, verdict=Verdict.ALLOW, rulings=(), **parts):
    decision = Decision(verdict, Code.ALLOWED, "fine", NOW, "r-7", ("small",), rulings=rulings)
    return DecisionRecord(Door.ASCEND, Caller(), request(**parts), decision, scored=scored)


def test_a_completion_goes_to_the_platforms_own_id_with_what_the_caller_said():
    scored = Scored(Verdict.ALLOW, action_id="77")
    details = {"action_id": "3", "status": "whatever", "result": {"rows": 2}, "completed_at": "then"}
    owed = completion(record(scored), "completed", details, NOW)
    assert (owed.kind, owed.path, owed.owed_at) == (Kind.COMPLETION, "/api/agent-action/77/complete", NOW)
    assert owed.body == {
        "action_id": "77",
        "status": "completed",
        "completed_at": "then",
        "result": {"rows": 2},
    }
    assert owed.agent == "agent:a"


def test_a_failure_is_told_with_its_time():
    owed = completion(record(Scored(Verdict.ALLOW, action_id="77")), "failed", {"error": "x"}, NOW)
    assert owed.path == "/api/agent-action/77/fail"
    assert (owed.body["status"], owed.body["failed_at"]) == ("failed", "2023-11-14T22:13:20.000000Z")


@pytest.mark.parametrize("scored", [None, Scored(Verdict.DENY)])
def test_of_an_action_that_the_platform_does_not_know_nothing_is_owed(scored):
    assert completion(record(scored), "completed", {}, NOW) is None


def test_the_same_said_again_has_the_same_id_and_anything_else_another():
    said = heartbeat("a", {"timestamp": "t", "requests_count": 1}, NOW)
    assert heartbeat("a", {"timestamp": "t", "requests_count": 1}, NOW + 9).id == said.id
    others = {
        heartbeat("b", {"timestamp": "t", "requests_count": 1}, NOW).id,
        heartbeat("a", {"timestamp": "t", "requests_count": 2}, NOW).id,
        acknowledgement("a", "c", NOW).id,
        acknowledgement("a", "d", NOW).id,
        report(record(), 1, "log", NOW).id,
        report(record(), 2, "log", NOW).id,
        report(record(), 1, "other", NOW).id,
    }
    assert len(others | {said.id}) == 8


def test_a_report_is_a_submit_with_a_mark_that_its_caller_cannot_make():
    told = record(rulings=(OPEN,))
    said = {"ascend_sidecar": {"report": "none"}, "note": "x"}
    forged = msgspec.structs.replace(told, request=msgspec.structs.replace(told.request, context=said))
    owed = report(forged, 12, "log", NOW)
    assert (owed.kind, owed.path, owed.agent) == (Kind.REPORT, "/api/v1/actions/submit", "agent:a")
    assert owed.body["agent_id"] == "a"
    assert owed.body["context"]["note"] == "x"
    assert owed.body["context"]["ascend_sidecar"] == {
        "report": "proceeded_open",
        "decision_id": "12",
        "verdict": "allow",
        "code": "allowed",
        "decided_at": "2023-11-14T22:13:20.000000Z",
        "revision": "r-7",
        "rules": ["small"],
        "action_id": "",
    }
    assert msgspec.json.decode(msgspec.json.encode(owed.body)) == owed.body


@pytest.mark.parametrize(
    ("verdict", "rulings", "is_open"),
    [
        (Verdict.ALLOW, (OPEN,), True),
        (Verdict.DENY, (OPEN,), False),
        (Verdict.PENDING, (OPEN,), False),
        (Verdict.ALLOW, (), False),
    ],
)
def test_only_what_was_let_through_proceeded_open(verdict, rulings, is_open):
    assert proceeded_open(record(None, verdict, rulings).decision) is is_open


@pytest.mark.parametrize(
    ("status", "came"),
    [
        (200, Fate.DELIVERED),
        (201, Fate.DELIVERED),
        (400, Fate.REFUSED),
        (403, Fate.REFUSED),
        (404, Fate.REFUSED),
        (408, Fate.AGAIN),
        (422, Fate.REFUSED),
    ],
)
@pytest.mark.parametrize("kind", list(Kind))
def test_a_refusal_is_final_and_a_timeout_of_the_platforms_is_not(kind, status, came):
    assert fate(kind, status, {"detail": "no"}) is came


def test_a_report_that_is_denied_has_arrived():
    denied = {"detail": {"error": "governance violation", "detail": "never"}}
    assert fate(Kind.REPORT, 403, denied) is Fate.DELIVERED
    assert fate(Kind.ACK, 403, denied) is Fate.REFUSED


def test_without_a_reply_only_what_can_never_be_sent_is_given_up():
    given_up = {reason for reason in Reason if fate_without(Unavailable(reason)) is Fate.REFUSED}
    assert given_up == {Reason.UNSENDABLE}


@pytest.mark.parametrize("reason", [Reason.TIMEOUT, Reason.CUT, Reason.FAILING, Reason.MALFORMED])
def test_what_may_be_the_items_own_fault_stops_no_other(reason):
    assert fate_without(Unavailable(reason)) is Fate.AGAIN


@pytest.mark.parametrize("reason", [Reason.CIRCUIT_OPEN, Reason.REFUSED, Reason.UNAUTHORIZED, Reason.BUSY])
def test_what_is_nobodys_fault_stops_all(reason):
    assert fate_without(Unavailable(reason)) is Fate.NOT_NOW


def test_pauses_double_up_to_the_most_and_half_of_them_is_chance():
    assert [pause(n, 30.0, 0.0) for n in range(6)] == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0]
    assert pause(1000, 30.0, 0.0) == 15.0
    assert 29.9 < pause(1000, 30.0, 0.999) < 30.0
