"""The unmodified public SDK against the daemon, pointed at it by ASCEND_API_URL alone."""

import json
import os
import subprocess
import sys

import pytest
from ascend import AscendClient
from ascend.models import Decision

from tests.tools.daemon import REPOSITORY


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
