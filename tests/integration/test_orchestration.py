"""Orchestration with the unmodified SDK and over AuthZEN: parents, depth and sessions, across a restart too."""

import pytest
from ascend import AscendClient
from ascend.exceptions import AuthorizationError
from ascend.models import Decision

from tests.tools.bundles import HEAD
from tests.tools.daemon import Daemon

RULES = """
rules:
  - {id: all, effect: allow, reason: fine}
  - id: no-boss
    match: {subjects: ["agent:boss"], actions: [database.write]}
    effect: deny
    reason: The boss may not write.
  - {id: hold, match: {actions: [payment.refund]}, effect: approve, reason: Ask.}
defaults: {max_depth: 3, approval: {stages: [{approvers: ["group:x"]}]}}
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    folder = tmp_path_factory.mktemp("orchestration")
    (folder / "policies").mkdir()
    (folder / "policies" / "policy.yaml").write_text(HEAD + RULES)
    with Daemon(folder, folder / "policies") as daemon:
        yield daemon


@pytest.fixture
def agent(running, monkeypatch):
    """A client for one agent of this caller."""
    monkeypatch.setenv("ASCEND_API_KEY", "ask_test")
    return lambda name: AscendClient(agent_id=name, agent_name=name, api_url=running.listen["decision"])


def asks(client: AscendClient, action: str = "database.read", **where):
    told = {f"orchestration_{name}": value for name, value in where.items() if name != "parent_action_id"}
    told |= {name: value for name, value in where.items() if name == "parent_action_id"}
    return client.evaluate_action(action, "orders", wait_for_decision=False, **told)


def test_a_child_gets_what_its_parents_agent_gets_and_no_more(agent):
    parent = asks(agent("boss"), session_id="run-1", depth=0)
    assert parent.decision is Decision.ALLOWED
    below = {"session_id": "run-1", "parent_action_id": int(parent.action_id), "depth": 1}
    assert asks(agent("worker"), **below).decision is Decision.ALLOWED
    denied = asks(agent("worker"), "database.write", **below)
    assert denied.decision is Decision.DENIED
    assert denied.metadata["code"] == "delegation_exceeds_parent"
    assert asks(agent("worker"), "database.write", session_id="run-1").decision is Decision.ALLOWED


def test_what_is_too_deep_or_not_deeper_than_its_parent_is_denied(agent):
    parent = asks(agent("boss"), session_id="run-2", depth=2)
    below = {"session_id": "run-2", "parent_action_id": int(parent.action_id)}
    codes = [asks(agent("worker"), **below, depth=depth).metadata["code"] for depth in (2, 3, 4)]
    assert codes == ["delegation_depth_wrong", "allowed", "delegation_too_deep"]


def test_a_parent_that_is_none_of_this_session_is_refused(running, agent):
    parent = asks(agent("boss"), session_id="run-3")
    held = asks(agent("boss"), "payment.refund", session_id="run-3")
    assert held.decision is Decision.PENDING
    for session, number in (("run-4", parent.action_id), ("run-3", held.action_id), ("run-3", "999999")):
        with pytest.raises(AuthorizationError):
            asks(agent("worker"), session_id=session, parent_action_id=int(number))
    body = {
        "agent_id": "worker",
        "action_type": "database.read",
        "resource": "orders",
        "orchestration_session_id": "run-4",
        "parent_action_id": parent.action_id,
    }
    answer = running.post("/api/v1/actions/submit", body)
    assert answer.status == 403
    assert answer.body == {"detail": f"Decision {parent.action_id} is of another session."}
    assert answer.headers["X-Ascend-Code"] == "foreign_parent"
    assert running.get("/audit/logs?limit=1").body["events"][0]["details"]["code"] == "foreign_parent"


def test_another_callers_parent_is_unknown_and_its_sessions_are_its_own(running, agent):
    """The socket knows its caller by uid, TCP without tokens is one of its own."""
    parent = asks(agent("boss"), session_id="run-5")
    context = {"orchestration_session_id": "run-5", "parent_action_id": int(parent.action_id)}
    answer = running.evaluate("agent:worker", "read", "t:1", context=context, door="decision_socket")
    assert answer.body["context"]["code"] == "foreign_parent"
    session = running.get("/v1/sessions/run-5", door="decision_socket")
    assert (session.body["actions"], session.body["decisions"]["deny"]) == (1, 1)
    assert running.get("/v1/sessions/run-5").body["actions"] == 1
    assert running.get("/v1/sessions/nobody").status == 404


def test_the_context_of_authzen_counts_the_same(running):
    context = {"orchestration_session_id": "run-6"}
    parent = running.evaluate("agent:boss", "read", "t:1", context=context).body["context"]["id"]
    below = context | {"parent_action_id": parent, "orchestration_depth": 1}
    told = running.evaluate("agent:worker", "database.write", "t:1", context=below).body
    assert (told["decision"], told["context"]["code"]) == (False, "delegation_exceeds_parent")
    assert running.evaluate("agent:worker", "read", "t:1", context=below).body["decision"] is True
    deep = running.evaluate("agent:worker", "read", "t:1", context={"orchestration_depth": 6}).body
    assert deep["context"]["code"] == "delegation_too_deep"


def test_a_session_and_its_risk_are_read_with_the_sdk_and_natively(running, agent):
    boss = agent("boss")
    parent = asks(boss, session_id="run-7")
    child = asks(agent("worker"), session_id="run-7", parent_action_id=int(parent.action_id))
    denied = asks(boss, "database.write", session_id="run-7")
    scores = [one.risk_score for one in (parent, child, denied)]
    risk = boss.get_orchestration_session_risk("run-7")
    assert (risk["total_actions"], risk["max_risk_score"]) == (3, max(scores))
    assert risk["cumulative_risk"] == sum(scores)
    assert risk["decisions"] == {"allowed": 2, "pending": 0, "denied": 1}
    actions = boss.get_orchestration_session("run-7")["actions"]
    assert [(one["agent_id"], one["depth"]) for one in actions] == [("boss", 0), ("worker", 1), ("boss", 0)]
    assert actions[1]["parent_action_id"] == int(parent.action_id)
    assert boss.get_orchestration_stats()["total_sessions"] >= 1
    (told,) = (one for one in running.get("/v1/sessions").body["sessions"] if one["id"] == "run-7")
    assert told["risk"] == {"max": max(scores), "cumulative": sum(scores)}
    assert told["agents"] == ["boss", "worker"]


def test_parents_and_sessions_outlive_a_restart(tmp_path):
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "policy.yaml").write_text(HEAD + RULES)
    context = {"orchestration_session_id": "run-8"}
    with Daemon(tmp_path, tmp_path / "policies") as daemon:
        parent = daemon.evaluate("agent:boss", "read", "t:1", context=context).body["context"]["id"]
        before = daemon.get("/v1/sessions").body
    with Daemon(tmp_path, tmp_path / "policies") as daemon:
        assert daemon.get("/v1/sessions").body == before
        below = context | {"parent_action_id": parent}
        told = daemon.evaluate("agent:worker", "database.write", "t:1", context=below).body
        assert told["context"]["code"] == "delegation_exceeds_parent"
        assert daemon.evaluate("agent:worker", "read", "t:1", context=below).body["decision"] is True
