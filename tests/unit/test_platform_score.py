"""What the platform's replies mean: every word and shape that the published SDK is known to meet, read strictly."""

import math

import pytest

from sidecar.core.model import Verdict
from sidecar.core.platform import Reason, Scored, Unavailable, parse_score

ALLOW, PENDING, DENY = Verdict.ALLOW, Verdict.PENDING, Verdict.DENY
WHOLE = {
    "action_id": 17,
    "decision": "allowed",
    "status": "auto_approved",
    "risk_score": 12,
    "risk_level": "low",
    "reason": "fine",
    "execution_allowed": True,
    "metadata": {},
}


def read(body, status=200, asked=""):
    return parse_score(status, body, asked)


def verdict(body, status=200):
    """The verdict, or the reason why there is none."""
    answer = read(body, status)
    return answer.verdict if isinstance(answer, Scored) else answer.reason


WORDS = [
    ("approved", ALLOW),
    ("allowed", ALLOW),
    ("auto_approved", ALLOW),
    ("executed", ALLOW),
    ("denied", DENY),
    ("pending", PENDING),
    ("pending_approval", PENDING),
    ("escalated", PENDING),
    ("timeout", PENDING),
    ("requires_modification", PENDING),
    ("rejected", DENY),
    ("blocked", DENY),
    ("failed", DENY),
    ("completed", DENY),
    ("cancelled", DENY),
    ("expired", DENY),
    *[(word, Reason.MALFORMED) for word in ("APPROVED", "ALLOWED", "Denied", "", " allowed", "yes")],
    *[(word, Reason.MALFORMED) for word in (None, True, 1, ["allowed"], {"allowed": True})],
]


@pytest.mark.parametrize("member", ["decision", "status"])
@pytest.mark.parametrize(("word", "expected"), WORDS)
def test_each_word_alone_means(member, word, expected):
    assert verdict({"action_id": 1, member: word}) is expected


@pytest.mark.parametrize(
    ("decision", "status", "expected"),
    [
        (None, "approved", Reason.MALFORMED),
        ("pending", "approved", PENDING),
        ("denied", "rejected", DENY),
        ("denied", "approved", DENY),
        ("allowed", "auto_approved", ALLOW),
        ("allowed", None, ALLOW),
        ("pending", "escalated", PENDING),
        ("allowed", "pending_approval", Reason.MALFORMED),
        ("allowed", "denied", Reason.MALFORMED),
        ("allowed", "expired", Reason.MALFORMED),
        ("allowed", "APPROVED", Reason.MALFORMED),
        ("allowed", 1, Reason.MALFORMED),
        ("", "approved", Reason.MALFORMED),
    ],
)
def test_the_decision_wins_over_the_status_and_an_allow_needs_both(decision, status, expected):
    assert verdict({"action_id": 1, "decision": decision, "status": status}) is expected


@pytest.mark.parametrize(
    ("word", "told", "expected"),
    [
        ("allowed", True, ALLOW),
        ("allowed", False, Reason.MALFORMED),
        ("allowed", None, Reason.MALFORMED),
        ("allowed", "no", Reason.MALFORMED),
        ("allowed", 1, Reason.MALFORMED),
        ("pending", False, PENDING),
        ("pending", True, Reason.MALFORMED),
        ("pending", 0, Reason.MALFORMED),
        ("denied", False, DENY),
        ("denied", True, DENY),
        ("denied", "yes", DENY),
    ],
)
def test_execution_allowed_must_agree(word, told, expected):
    assert verdict({"action_id": 1, "decision": word, "execution_allowed": told}) is expected


BROKEN = [
    {"risk_level": "MEDIUM"},
    {"risk_level": "none"},
    {"risk_level": "minimal"},
    {"risk_level": 3},
    {"risk_score": "12"},
    {"risk_score": True},
    {"risk_score": math.nan},
    {"risk_score": math.inf},
    {"risk_score": -1},
    {"risk_score": 100.5},
    {"metadata": "x"},
    {"metadata": 5},
    {"metadata": [1]},
    {"reason": 7},
    {"comments": ["no"], "reason": None},
    {"conditions": "mfa"},
    {"conditions": [1]},
    {"policy_violations": {}},
    {"required_approvers": "boss"},
    {"expires_at": "soon"},
    {"expires_at": 12},
    {"approval_request_id": "../../x"},
    {"approval_request_id": 1.5},
    {"action_id": None, "id": 4},
    {"action_id": ""},
    {"action_id": "a/b"},
    {"action_id": ".."},
    {"action_id": True},
    {"action_id": -1},
    {"action_id": 1.0},
    {"action_id": "x" * 129},
    {"action_id": ["1"]},
]


@pytest.mark.parametrize("broken", BROKEN)
def test_what_is_not_as_the_contract_says_is_never_an_allow(broken):
    assert verdict(WHOLE) is ALLOW
    assert verdict(WHOLE | broken) is Reason.MALFORMED


@pytest.mark.parametrize("broken", BROKEN)
def test_a_refusal_stays_one_whatever_is_wrong_beside_it(broken):
    assert verdict(WHOLE | broken | {"decision": "denied"}) is DENY


@pytest.mark.parametrize("body", [None, [], [WHOLE], "allowed", 1, True, {}, {"action_id": 1}])
def test_what_is_no_answer_is_malformed(body):
    assert verdict(body) is Reason.MALFORMED


def test_an_answer_carries_what_it_says():
    told = {
        "decision": "pending",
        "status": "escalated",
        "risk_score": 61.2,
        "comments": "two people",
        "approval_request_id": "ar-9",
        "expires_at": "2026-01-31T09:00:00+00:00",
        "execution_allowed": False,
        "conditions": ["mfa"],
    }
    assert read({"id": 5} | told) == Scored(
        PENDING, 62, "two people", "5", "ar-9", 1769850000.0, "escalated", ("mfa",)
    )


@pytest.mark.parametrize("text", ["2026-01-31T09:00:00Z", "2026-01-31T09:00:00", "2026-01-31T10:00:00+01:00"])
def test_a_time_without_an_offset_is_in_utc(text):
    assert read(WHOLE | {"expires_at": text}).expires_at == 1769850000.0


@pytest.mark.parametrize(
    ("said", "score"), [(None, None), (0, 0), (0.0, 0), (59.01, 60), (99.5, 100), (100, 100)]
)
def test_a_score_is_rounded_up(said, score):
    assert read(WHOLE | {"risk_score": said}).score == score


def test_a_reason_is_not_longer_than_it_may_be():
    assert len(read(WHOLE | {"reason": "x" * 5000}).reason) == 1024


def test_a_poll_is_answered_of_the_action_that_was_asked_for():
    assert read(WHOLE, asked="17").action_id == "17"
    assert read({"decision": "allowed"}, asked="17").action_id == "17"
    assert read(WHOLE, asked="18").reason is Reason.MALFORMED


def forbidden(**detail):
    return {"detail": detail}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (forbidden(error="MCP Governance denied", detail="not registered"), DENY),
        (forbidden(error="policy_VIOLATION"), DENY),
        (forbidden(error="governance", detail=["list"]), DENY),
        (forbidden(error="wrong tenant"), Reason.REJECTED),
        (forbidden(error=["governance"]), Reason.REJECTED),
        (forbidden(detail="governance"), Reason.REJECTED),
        ({"detail": "governance violation"}, Reason.REJECTED),
        ({"error": "governance"}, Reason.REJECTED),
        (WHOLE, Reason.REJECTED),
        (None, Reason.REJECTED),
        ([1], Reason.REJECTED),
    ],
)
def test_a_403_of_governance_is_a_deny_and_any_other_no_answer(body, expected):
    assert verdict(body, 403) is expected


def test_a_403_of_governance_tells_why():
    assert read(forbidden(error="governance", detail="no such server"), 403).reason == "no such server"
    assert read(forbidden(error="governance violation"), 403).reason == "governance violation"


@pytest.mark.parametrize("status", [100, 302, 400, 401, 404, 409, 422, 500, 503])
def test_other_statuses_are_no_answer_whatever_their_body_says(status):
    assert read(WHOLE, status) == Unavailable(Reason.REJECTED, status)


@pytest.mark.parametrize("status", [200, 201, 202])
def test_any_success_is_an_answer(status):
    assert verdict(WHOLE, status) is ALLOW


def test_what_is_wrong_is_named_without_what_it_held():
    told = read(WHOLE | {"risk_level": "hush"}).detail
    assert "risk_level" in told
    assert "hush" not in told


def test_an_outage_is_told_from_a_refusal():
    assert Unavailable(Reason.CIRCUIT_OPEN).is_outage
    assert Unavailable(Reason.FAILING, 503).is_outage
    assert not any(
        Unavailable(reason).is_outage
        for reason in (Reason.MALFORMED, Reason.UNAUTHORIZED, Reason.REJECTED, Reason.TLS, Reason.REDIRECTED)
    )
