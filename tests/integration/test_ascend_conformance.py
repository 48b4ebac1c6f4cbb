"""The conformance cases of the SDK's wire contract that a daemon without a platform can show, by their numbers.

What only a platform can do is in `test_ascend_endpoints`: a typed 4xx, and never a success.
"""

import hashlib
from collections.abc import Iterator

import pytest
from ascend import AscendClient
from ascend.exceptions import AuthenticationError, AuthorizationError, ValidationError
from ascend.models import Decision, DecisionStatus
from requests import HTTPError

from tests.tools.ascend_cases import named, submit, write_cases
from tests.tools.daemon import Daemon, until


@pytest.fixture(scope="module")
def cases(tmp_path_factory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("cases")
    with Daemon(folder, write_cases(folder)) as running:
        yield running


@pytest.fixture
def client(cases, monkeypatch) -> AscendClient:
    monkeypatch.setenv("ASCEND_API_KEY", "ask_test")
    return AscendClient(agent_id="agent-7", agent_name="Seven", api_url=cases.listen["decision"])


def test_c01_the_connection_test_succeeds(client):
    told = client.test_connection()
    assert (told.connected, told.latency_ms >= 0, bool(told.api_version)) == (True, True, True)


def test_c02_a_wrong_key_is_refused_where_tokens_are_required(tmp_path, monkeypatch):
    monkeypatch.setenv("ASCEND_API_KEY", "ask_wrong")
    tokens = tmp_path / "tokens"
    tokens.write_text(f"ops:{hashlib.sha256(b'ask_right').hexdigest()}\n")
    with Daemon(tmp_path, environ={"ASCEND_SIDECAR_TOKENS_FILE": str(tokens)}) as daemon:
        address = daemon.listen["decision"]
        with pytest.raises(AuthenticationError):
            submit(AscendClient(agent_id="a", api_url=address))
        assert submit(AscendClient(agent_id="a", api_url=address, api_key="ask_right")).action_id


def test_c03_the_key_may_come_alone_or_beside_a_basic_header(cases):
    body = {"agent_id": "a", "action_type": "contacts.read", "resource": "orders"}
    for headers in ({"X_API_Key": "ask_test"}, {"X_API_Key": "ask_test", "Authorization": "Basic eDp5"}):
        assert cases.post("/api/v1/actions/submit", body, **headers).body["decision"] == "allowed"


def test_c05_calls_without_a_signature_are_not_refused_for_it(cases, monkeypatch):
    monkeypatch.setenv("ASCEND_API_KEY", "ask_test")
    signing = AscendClient(agent_id="a", api_url=cases.listen["decision"], signing_secret="s3cret")
    assert signing.get_pending_commands("a") == []
    with pytest.raises(AuthorizationError, match="No command"):
        signing.ack_command("c-1", "a")
    with pytest.raises(AuthorizationError, match="No policy rule matches"):
        signing.activate_mcp_server("crm")


def test_c06_an_allow_has_all_that_an_allow_has(client):
    told = submit(client)
    assert (told.decision, told.execution_allowed, told.status) == (Decision.ALLOWED, True, "approved")
    assert told.action_id.isdigit()
    assert 0 <= told.risk_score <= 100
    assert told.risk_level.value in ("low", "medium", "high", "critical")


def test_c07_a_denial_has_a_reason_and_raises_nothing(client):
    told = client.evaluate_action("contacts.drop", "orders")
    assert (told.decision, told.execution_allowed) == (Decision.DENIED, False)
    assert told.reason == "Nothing is dropped here."


def test_c08_a_hold_names_its_approval(client):
    told = submit(client, "mail.send")
    assert (told.decision, told.status) == (Decision.PENDING, "pending_approval")
    assert told.approval_request_id


def test_c15_a_submit_repeated_under_one_correlation_id_is_one_action(cases):
    body = {"agent_id": "a", "action_type": "contacts.read", "resource": "once"}
    told = [cases.post("/api/v1/actions/submit", body, X_Correlation_ID="asc_c15").body for _ in range(2)]
    assert told[0]["action_id"] == told[1]["action_id"]
    body = {"mcp_server": "crm", "resource": "once", "action_type": "contacts.read"}
    told = [
        cases.post("/api/v1/mcp/actions/submit", body, X_Correlation_ID="asc_c15m").body for _ in range(2)
    ]
    assert told[0]["action_id"] == told[1]["action_id"]


def test_c17_a_body_without_an_action_is_refused_in_words(client):
    for path in ("/api/v1/actions/submit", "/api/v1/mcp/actions/submit"):
        with pytest.raises(ValidationError) as refused:
            client._request("POST", path, data={"resource": "orders", "mcp_server": "crm"})
        assert isinstance(refused.value.args[0], str)


def test_c18_an_unregistered_server_is_denied_and_its_block_says_why(client):
    told = submit(client, mcp_server_name="nobody")
    assert (told.decision, told.metadata["code"]) == (Decision.DENIED, "mcp_server_unregistered")
    assert told.mcp_governance == {
        "server_name": "nobody",
        "server_registered": False,
        "server_active": False,
        "tool_blocked": True,
        "governance_enabled": True,
    }


def test_c19_a_deactivated_server_is_denied(client):
    told = submit(client, mcp_server_name="old")
    assert (told.decision, told.metadata["code"]) == (Decision.DENIED, "mcp_server_deactivated")
    assert (told.mcp_governance["server_registered"], told.mcp_governance["server_active"]) == (True, False)


def test_c20_a_blocked_tool_of_an_active_server_is_denied(client):
    told = submit(client, mcp_server_name="crm", tool_name="wipe_contacts")
    assert (told.decision, told.metadata["code"]) == (Decision.DENIED, "mcp_tool_blocked")
    assert told.mcp_governance["tool_blocked"] is True
    fine = submit(client, mcp_server_name="crm", tool_name="read_contact")
    assert fine.decision is Decision.ALLOWED
    assert (fine.mcp_governance["server_active"], fine.mcp_governance["tool_blocked"]) == (True, False)


def test_c21_an_unapproved_model_is_denied(client):
    for model, status in (("m-new", "pending"), ("m-none", "unregistered")):
        told = submit(client, model_id=model)
        assert (told.decision, told.metadata["code"]) == (Decision.DENIED, "model_not_approved")
        assert (told.model_governance["registry_checked"], told.model_governance["compliance_status"]) == (
            True,
            status,
        )
    assert submit(client, model_id="m-good").decision is Decision.ALLOWED


def test_c24_and_c25_status_and_details_are_of_the_same_action(client):
    for action, decision, status in (
        ("contacts.read", Decision.ALLOWED, DecisionStatus.APPROVED),
        ("contacts.drop", Decision.DENIED, DecisionStatus.DENIED),
        ("mail.send", Decision.PENDING, DecisionStatus.PENDING),
    ):
        action_id = submit(client, action).action_id
        polled, details = client.get_action_status(action_id), client.get_action_details(action_id)
        assert (polled.action_id, polled.decision) == (action_id, decision)
        assert (details.action_id, details.status) == (action_id, status)


def test_c26_an_unknown_action_is_not_there(client):
    with pytest.raises(HTTPError, match="404"):
        client.get_action_status("999999999")


def test_c27_and_c28_completion_is_taken_of_known_actions_only(client):
    told = client.log_action_completed(submit(client).action_id, {"rows": 3}, 12)
    assert told["success"] is True
    assert "logged_locally" in client.log_action_completed("fail_open_asc_0123", {})


def test_c29_eight_actions_at_once_have_ids_of_their_own(client):
    items = [{"action_type": "contacts.read", "resource": f"t{index}"} for index in range(8)]
    told = client.evaluate_actions(items)
    assert (told.succeeded, len({one.decision.action_id for one in told.results})) == (8, 8)


def test_c31_to_c33_an_action_of_a_tool_server_never_fails_open_by_its_shape(client):
    for verb, decision, status, success, held in (
        ("read_contact", Decision.ALLOWED, "approved", True, False),
        ("drop_contact", Decision.DENIED, "denied", False, False),
        ("send_mail", Decision.PENDING, "pending_approval", True, True),
        ("frobnicate", Decision.DENIED, "denied", False, False),
        ("wipe_contacts", Decision.DENIED, "denied", False, False),
    ):
        told = client.evaluate_mcp_action("crm", "crm", verb, "contact:1")
        assert told.decision is decision, verb
        assert told.action_id.isdigit()
        body = {"mcp_server": "crm", "namespace": "crm", "verb": verb, "resource": "contact:1"}
        raw = client._request("POST", "/api/v1/mcp/actions/submit", data=body)
        assert (raw["status"], raw["success"], raw["requires_approval"]) == (status, success, held)
        assert raw["reason"]
        assert client.get_action_status(told.action_id).decision is decision


def test_c32_an_unregistered_server_is_refused_there_too(client):
    for server, active in (("nobody", False), ("old", False)):
        told = client.evaluate_mcp_action(server, "crm", "read_contact", "contact:1")
        assert (told.decision, bool(told.reason)) == (Decision.DENIED, not active)


def test_c43_and_c50_the_poll_says_with_true_booleans_that_this_agent_is_not_blocked(client):
    submit(client)
    told = client._request("GET", "/api/sdk/kill-switch/status")
    assert (told["blocked"], told["active"], told["is_active"]) == (False, False, False)
    assert (told["reason"], told["agent_id"]) == (None, "agent-7")
    assert "agent_id" not in named(client, "other")._request("GET", "/api/sdk/kill-switch/status")


def test_c45_an_agent_that_may_do_nothing_may_not_by_a_tool_server_either(client):
    """The call names no agent: the cookie of an earlier answer does."""
    assert client.evaluate_mcp_action("crm", "crm", "read_contact", "c:1").decision is Decision.ALLOWED
    for introduce in (submit, lambda c: c.register(), lambda c: c.heartbeat()):
        halted = named(client, "halted")
        assert halted.evaluate_mcp_action("crm", "crm", "read_contact", "c:1").decision is Decision.ALLOWED
        introduce(halted)
        assert halted.evaluate_mcp_action("crm", "crm", "read_contact", "c:1").decision is Decision.DENIED
        assert halted.evaluate_policy("contacts.read", "orders").decision == "denied"


def test_c51_and_c52_there_are_no_commands_to_acknowledge(client):
    assert client.get_pending_commands("agent-7") == []
    with pytest.raises(AuthorizationError):
        client.ack_command("5f0c7a7e-4f2c-4f0e-9f0a-0d7f4a3b2c1d", "agent-7")


def test_c53_registering_twice_raises_nothing(client):
    registered = named(client, "twice")
    assert registered.register(capabilities=["read"], metadata={"team": "x"})["status"] == "registered"
    assert registered.register()["status"] == "already_registered"


def test_c54_a_heartbeat_shows_in_the_health_of_the_agent(client):
    beating = named(client, "beating")
    assert beating.get_agent_status().status == "unknown"
    beating.heartbeat(response_time_ms=3, error_rate=0.5, requests_count=7)
    told = beating.get_agent_status()
    assert (told.agent_id, told.status) == ("beating", "healthy")
    assert told.last_heartbeat
    assert told.metadata["error_rate"] == 0.5


def test_c55_an_agent_leaves_where_policy_lets_it(client):
    leaving = named(client, "leaving")
    leaving.register()
    leaving.deregister()
    assert leaving.register()["status"] == "registered"


def test_c56_an_evaluation_is_advice_and_no_action(client):
    before = client.query_audit_log().total
    told = client.evaluate_policy("contacts.drop", "orders", risk_score=0, context={"a": 1})
    assert (told.decision, told.violations) == ("denied", ["drops"])
    assert told.matched_policies == [{"id": "drops"}]
    assert told.evaluation_time_ms >= 0
    assert client.evaluate_policy("contacts.read", "orders").decision == "allowed"
    assert client.evaluate_policy("mail.send", "orders").decision == "pending"
    assert client.query_audit_log().total == before


def test_c57_a_type_without_a_class_has_none(client):
    assert client.get_resource_classification("nothing") is None
    known = client.get_resource_classification("customers")
    assert (known.sensitivity_level, known.compliance_tags) == ("restricted", ["GDPR"])


def test_c58_audit_events_come_in_pages(client):
    for index in range(6):
        submit(client, resource=f"page_{index}")
    first, second = client.query_audit_log(5, 0), client.query_audit_log(5, 5)
    assert (len(first.events), first.page, first.page_size, second.page) == (5, 1, 5, 2)
    assert first.total >= 6
    ids = [event.event_id for event in (*first.events, *second.events)]
    assert len(set(ids)) == len(ids)
    assert all(event.event_type == "decision" and event.timestamp for event in first.events)
    assert (first.events[0].actor, first.events[0].resource) == ("agent-7", "page_5")


def test_c58_the_events_are_those_of_the_caller_alone(cases, client):
    submit(client, resource="mine")
    assert cases.get("/audit/logs", door="decision_socket").body == {
        "events": [],
        "total": 0,
        "page": 1,
        "page_size": 50,
    }


def test_c61_the_servers_of_the_bundle_can_be_read(client):
    assert [one["server_name"] for one in client.list_mcp_servers()["servers"]] == ["crm", "old"]
    told = client.get_mcp_server("crm")
    assert (told["display_name"], told["blocked_tools"]) == ("Customers", ["wipe_contacts"])
    standing = {one["server_name"]: one["status"] for one in client.get_mcp_health()["servers"]}
    assert standing == {"crm": "active", "old": "inactive"}


def test_c62_and_c63_nobody_is_killed_by_an_agent(client):
    for call in (
        lambda: client.cascade_kill("boss", "rogue workers"),
        lambda: client.trigger_kill_switch(1, "rogue workers"),
    ):
        with pytest.raises(AuthorizationError) as refused:
            call()
        assert isinstance(refused.value.args[0], str)
    assert submit(client).decision is Decision.ALLOWED


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("of 078-05-1120, born", "social security number"),
        ("pay with 4111 1111 1111 1111", "card number"),
        ("PGPASSWORD=hunter2 psql", "password in a query or assignment"),
    ],
)
def test_c64_a_scan_names_the_pattern_and_never_what_it_found(client, text, pattern):
    told = client.scan_output(text, "agent-7", 3)
    assert (told["blocked"], told["result"], told["action_id"]) == (True, "blocked", 3)
    assert told["findings"] == [{"pattern": pattern, "category": "secret", "count": 1}]
    assert not {"078-05-1120", "4111", "hunter2"} & set(str(told).replace(",", " ").split())
    assert client.scan_output("", "agent-7")["blocked"] is False
    assert pattern in client.get_output_filter_config()["patterns"]


def test_c65_findings_of_an_action_are_an_object(client):
    told = client.get_output_findings_for_action(int(submit(client).action_id))
    assert told["findings"] == []


def test_c66_booleans_are_read_in_the_spelling_of_python(client):
    assert client.get_supply_chain_alerts(acknowledged=False)["alerts"] == []
    assert client.list_supply_chain_components(active_only=True)["components"] == []


def test_sessions_tell_their_actions_and_their_risk(client):
    for depth in range(3):
        submit(client, orchestration_session_id="s-42", orchestration_depth=depth)
    session = client.get_orchestration_session("s-42")
    assert [one["depth"] for one in session["actions"]] == [2, 1, 0]
    risk = client.get_orchestration_session_risk("s-42")
    assert (risk["total_actions"], risk["decisions"]["allowed"]) == (3, 3)
    assert risk["cumulative_risk"] == sum(one["risk_score"] for one in session["actions"])
    assert client.get_orchestration_session("s-none")["actions"] == []
    stats = client.get_orchestration_stats()
    assert (stats["total_sessions"], stats["max_depth"]) == (1, 2)


def test_a_session_is_found_though_its_id_is_masked_in_the_records(tmp_path, monkeypatch):
    monkeypatch.setenv("ASCEND_API_KEY", "ask_test")
    policies = write_cases(tmp_path, masking="keys: [session id]\npatterns: []\n")
    with Daemon(tmp_path, policies) as daemon:
        client = AscendClient(agent_id="a", api_url=daemon.listen["decision"])
        submit(client, orchestration_session_id="s-1")
        submit(client, orchestration_session_id="s-2")
        assert client.get_orchestration_session("s-1")["total_actions"] == 1


def test_a_registry_that_changes_with_the_bundle_gates_the_next_request(tmp_path, monkeypatch):
    monkeypatch.setenv("ASCEND_API_KEY", "ask_test")
    policies = write_cases(tmp_path)
    with Daemon(tmp_path, policies) as daemon:
        client = AscendClient(agent_id="a", api_url=daemon.listen["decision"])
        assert submit(client, mcp_server_name="crm").decision is Decision.ALLOWED
        (policies / "data" / "mcp_servers.yaml").write_text("crm: {active: false}\n")
        until(
            lambda: submit(client, mcp_server_name="crm").decision is Decision.DENIED,
            "the changed registry is in force",
        )
