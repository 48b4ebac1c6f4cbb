"""What the platform's replies on an approval mean: only one word grants."""

import pytest

from sidecar.core.model import Verdict
from sidecar.core.platform import PlatformApproval, Reason, Unavailable, parse_approval


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("approved", Verdict.ALLOW),
        ("pending", Verdict.PENDING),
        ("pending_approval", Verdict.PENDING),
        ("escalated", Verdict.PENDING),
        ("rejected", Verdict.DENY),
        ("denied", Verdict.DENY),
        ("expired", Verdict.DENY),
        ("timeout", Verdict.DENY),
        ("cancelled", Verdict.DENY),
    ],
)
def test_each_word_means(word, expected):
    assert parse_approval(200, {"status": word}).verdict is expected


@pytest.mark.parametrize(
    "word", ["auto_approved", "allowed", "APPROVED", "", None, True, 1, ["approved"], {}]
)
def test_no_other_word_grants(word):
    assert parse_approval(200, {"status": word}).reason is Reason.MALFORMED


@pytest.mark.parametrize("body", [None, [], "approved", {}, {"decision": "approved"}])
def test_what_is_no_answer_is_malformed(body):
    assert parse_approval(200, body).reason is Reason.MALFORMED


@pytest.mark.parametrize("wrong", [{"approved_by": 1}, {"rejected_by": "bob"}, {"decided_at": 5}])
def test_a_grant_with_anything_wrong_beside_it_is_malformed(wrong):
    assert parse_approval(200, {"status": "approved"} | wrong).reason is Reason.MALFORMED


def test_who_decided_and_why_is_told():
    told = {"status": "rejected", "rejected_by": "bob", "rejection_reason": "no", "decided_at": "then"}
    assert parse_approval(200, told) == PlatformApproval(Verdict.DENY, "bob", "no", "then", "rejected")


@pytest.mark.parametrize("status", [302, 403, 404, 500])
def test_other_statuses_are_no_answer(status):
    assert parse_approval(status, {"status": "approved"}) == Unavailable(Reason.REJECTED, status)
