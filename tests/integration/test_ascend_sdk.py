"""The unmodified public SDK against the daemon, pointed at it by ASCEND_API_URL alone."""

import asyncio
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from ascend import AscendClient
from ascend.mcp import MCPGovernanceConfig, mcp_governance
from ascend.models import Decision
from requests import HTTPError

from tests.fakes.terminal import type_in
from tests.tools import people
from tests.tools.daemon import REPOSITORY, Daemon, until


@pytest.fixture
def client(daemon, monkeypatch):
    monkeypatch.setenv("ASCEND_API_URL", daemon.listen["decision"])
    monkeypatch.setenv("ASCEND_API_KEY", "ask_test")
    return AscendClient(agent_id="agent-7", agent_name="Seven")


def test_the_connection_test_succeeds(client):
    told = client.test_connection()
    assert told.connected is True
    assert told.api_version
    assert told.latency_ms >= 0


def test_the_quick_start_is_approved_with_a_score(client):
    decision = client.evaluate_action(
        action_type="database.read",
        resource="customer_profiles",
        risk_indicators={"pii_involved": True},
    )
    assert decision.decision is Decision.ALLOWED
    assert decision.execution_allowed is True
    assert decision.status == "approved"
    assert 0 < decision.risk_score < 60
    assert decision.risk_level is not None
    assert decision.action_id.isdigit()
    assert decision.cvss_vector.startswith("CVSS:3.1/")
    assert decision.correlation_id.startswith("asc_")


def test_a_secret_is_denied_without_an_exception_and_with_a_reason(client):
    decision = client.evaluate_action(action_type="file.read", resource="/home/me/.ssh/id_ed25519")
    assert decision.decision is Decision.DENIED
    assert decision.execution_allowed is False
    assert decision.reason
    assert decision.reason == decision.comments


def test_a_hold_is_pending_with_an_approval_id(client):
    decision = client.evaluate_action(action_type="system.subprocess", resource="ls", wait_for_decision=False)
    assert decision.decision is Decision.PENDING
    assert decision.status == "pending_approval"
    assert decision.approval_request_id
    assert client.get_action_status(decision.action_id).decision is Decision.PENDING
    assert client.get_action_details(decision.action_id).status.value == "pending"


def test_status_and_details_tell_of_the_same_action(client):
    submitted = client.evaluate_action(action_type="database.read", resource="customer_profiles")
    status = client.get_action_status(submitted.action_id)
    assert (status.action_id, status.decision) == (submitted.action_id, Decision.ALLOWED)
    assert status.risk_score == submitted.risk_score
    details = client.get_action_details(submitted.action_id)
    assert details.action_id == submitted.action_id
    assert details.status.value == "approved"
    assert details.action_type == "database.read"
    assert details.agent_id == "agent-7"


def test_completion_and_failure_are_taken(client):
    action = client.evaluate_action(action_type="database.read", resource="customer_profiles").action_id
    completed = client.log_action_completed(action, {"rows": 3}, 12)
    assert completed["success"] is True
    assert "logged_locally" not in completed
    assert "logged_locally" not in client.log_action_failed(action, "timed out")


def test_an_unknown_action_is_not_completed(client):
    assert client.log_action_completed("fail_open_asc_0123", {"x": 1})["logged_locally"] is True
    assert client.log_action_completed("999999999", {"x": 1})["logged_locally"] is True


def test_activity_lists_what_this_agent_did(client):
    client.evaluate_action(action_type="database.read", resource="orders")
    listed = client.list_actions(limit=2, status="approved")
    assert listed["actions"][0]["resource"] == "orders"
    assert listed["actions"][0]["agent_id"] == "agent-7"
    assert len(listed["actions"]) <= 2


def test_many_actions_at_once_have_ids_of_their_own(client):
    items = [{"action_type": "database.read", "resource": f"table_{index}"} for index in range(8)]
    result = client.evaluate_actions(items)
    assert (result.succeeded, result.failed) == (8, 0)
    assert len({item.decision.action_id for item in result.results}) == 8


def test_a_server_or_model_that_is_named_gets_its_block(client):
    decision = client.evaluate_action(
        action_type="database.read", resource="orders", mcp_server_name="crm", model_id="m-1"
    )
    assert decision.mcp_governance["server_name"] == "crm"
    assert decision.model_governance["registry_checked"] is False


@pytest.fixture
def held_by_people(tmp_path, monkeypatch):
    """A daemon where paying waits for whoever runs the tests, and a client of it; `answer` votes by command line."""
    environ = {"ASCEND_SIDECAR_ASCEND_ANSWER_WAITERS_AFTER": "1500ms"}
    with Daemon(tmp_path, people.folder(tmp_path, people.myself()), environ=environ) as running:
        monkeypatch.setenv("ASCEND_API_URL", running.listen["decision"])
        monkeypatch.setenv("ASCEND_API_KEY", "ask_test")
        yield running


def answer(daemon, verb):
    """Vote on whatever waits, as soon as something does."""

    def waiting():
        listed = type_in("approvals", "list", "--state-dir", daemon.state, "--json").json
        return [one["id"] for one in listed["approvals"]]

    (approval,) = until(waiting, "something waits")
    voted = type_in("approvals", verb, approval, "--comment", "As agreed.", "--state-dir", daemon.state)
    assert voted.code == 0, voted.err
    return approval


def test_a_waiting_client_is_allowed_when_somebody_approves(held_by_people):
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(AscendClient(agent_id="agent-7").evaluate_action, "pay", "account:7")
        answer(held_by_people, "approve")
        assert asked.result().decision is Decision.ALLOWED


def test_a_waiting_client_is_denied_when_somebody_denies(held_by_people):
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(AscendClient(agent_id="agent-7").evaluate_action, "pay", "account:7")
        answer(held_by_people, "deny")
        assert asked.result().decision is Decision.DENIED


def test_a_client_that_fails_open_is_denied_before_it_gives_up_and_a_later_submit_takes_the_grant(
    held_by_people,
):
    client = AscendClient(agent_id="agent-7", fail_mode="open")
    waited = client.evaluate_action("pay", "account:7", timeout=30)
    assert (waited.decision, waited.metadata["code"]) == (Decision.DENIED, "approval_waiting")
    answer(held_by_people, "approve")
    assert client.evaluate_action("pay", "account:7").decision is Decision.ALLOWED


def flags(told):
    return [name for name in ("approved", "denied", "pending") if told[name]]


@pytest.mark.parametrize(("verb", "flag"), [("approve", "approved"), ("deny", "denied")])
def test_an_approval_is_checked_by_its_id(held_by_people, verb, flag):
    client = AscendClient(agent_id="agent-7")
    held = client.evaluate_action("pay", "account:7", wait_for_decision=False)
    assert flags(client.check_approval(held.approval_request_id)) == ["pending"]
    assert answer(held_by_people, verb) == held.approval_request_id
    told = client.check_approval(held.approval_request_id)
    assert (flags(told), told["approver"]) == ([flag], "ann")
    assert told["timestamp"]
    assert told["comments"] == ("As agreed." if verb == "deny" else None)


def test_an_unknown_approval_is_not_approved(held_by_people):
    with pytest.raises(HTTPError, match="404"):
        AscendClient(agent_id="agent-7").check_approval("apr_0")


def test_a_governed_tool_runs_once_somebody_approves_and_not_before(held_by_people):
    ran = []
    configured = MCPGovernanceConfig(approval_poll_interval_seconds=1)

    @mcp_governance(AscendClient(agent_id="agent-7"), "pay", "account:7", config=configured)
    async def tool():
        ran.append(client_sees_a_use(held_by_people))

    with ThreadPoolExecutor() as pool:
        running = pool.submit(asyncio.run, tool())
        answer(held_by_people, "approve")
        running.result()
    assert ran == [True]


def client_sees_a_use(daemon):
    """Whether the log has the allow that the grant was used for."""
    shown = type_in("audit", "show", "--verdict", "allow", "--state-dir", daemon.state, "--json").out
    return any(json.loads(line).get("approval") for line in shown.splitlines())


OLD_SDK = REPOSITORY / ".venv" / "sdk-2.5.0"
OLD_WALK = """
import json
from ascend import AscendClient
client = AscendClient(agent_id="agent-5")
read = client.evaluate_action("database.read", "customer_profiles", risk_indicators={"pii_involved": True})
held = client.evaluate_action("system.subprocess", "ls", wait_for_decision=False)
secret = client.evaluate_action("file.read", "/home/me/.ssh/id_ed25519")
print(json.dumps({
    "version": __import__("ascend").__version__,
    "decisions": [one.decision.value for one in (read, held, secret)],
    "status": client.get_action_status(read.action_id).decision.value,
    "details": client.get_action_details(read.action_id).status.value,
    "completed": client.log_action_completed(read.action_id, {"rows": 1}, 5)["success"],
}))
"""


def test_the_older_sdk_walks_the_same_way(daemon):
    environ = os.environ | {
        "PYTHONPATH": str(OLD_SDK),
        "ASCEND_API_URL": daemon.listen["decision"],
        "ASCEND_API_KEY": "ask_test",
    }
    run = subprocess.run(
        [sys.executable, "-c", OLD_WALK], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout.splitlines()[-1]) == {
        "version": "2.5.0",
        "decisions": ["allowed", "pending", "denied"],
        "status": "allowed",
        "details": "approved",
        "completed": True,
    }
