"""Platform laws: no reply allows but a whole one that says so, and no defect makes a refusal looser."""

from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.model import Verdict
from sidecar.core.platform import Scored, parse_approval, parse_score

ALLOWS = ("approved", "allowed", "auto_approved", "executed")
WORDS = st.sampled_from(
    [*ALLOWS, "denied", "rejected", "pending", "pending_approval", "escalated", "Allowed"]
)
JSON = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.just([]) | st.just({})
)
MEMBERS = {
    "decision": WORDS | JSON,
    "status": WORDS | JSON,
    "execution_allowed": st.booleans() | JSON,
    "action_id": st.integers(0, 9) | JSON,
    "id": st.integers(0, 9) | JSON,
    "risk_score": st.floats(0, 100) | JSON,
    "risk_level": st.sampled_from(["low", "high", "LOW"]) | JSON,
    "reason": st.text(max_size=4) | JSON,
    "metadata": st.just({}) | JSON,
    "expires_at": st.just("2026-01-31T09:00:00Z") | JSON,
    "conditions": st.just(["mfa"]) | JSON,
    "approved_by": st.text(max_size=4) | JSON,
    "rejected_by": st.text(max_size=4) | JSON,
}
BODIES = st.fixed_dictionaries({}, optional=MEMBERS)
STATUSES = st.sampled_from([200, 201, 302, 400, 401, 403, 404, 429, 500, 503])


def allows(answer):
    return not hasattr(answer, "is_outage") and answer.verdict is Verdict.ALLOW


@given(STATUSES, BODIES | JSON)
def test_an_allow_was_said_by_every_member_that_speaks_of_it(status, body):
    answer = parse_score(status, body)
    if not allows(answer):
        return
    assert 200 <= status < 300
    assert body.get("decision", body.get("status")) in ALLOWS
    assert body.get("status") in (*ALLOWS, None, "")
    assert body.get("execution_allowed", True) is True
    assert answer.action_id
    assert answer.score is None or 0 <= body["risk_score"] <= answer.score <= 100


@given(BODIES, st.sampled_from(["denied", "rejected", "blocked", "expired"]))
def test_a_refusal_is_one_whatever_stands_beside_it(body, word):
    answer = parse_score(200, body | {"decision": word})
    assert isinstance(answer, Scored)
    assert answer.verdict is Verdict.DENY


@given(STATUSES, BODIES | JSON)
def test_only_the_one_word_grants_an_approval(status, body):
    if allows(parse_approval(status, body)):
        assert 200 <= status < 300
        assert body["status"] == "approved"
        assert not body.get("rejected_by")
