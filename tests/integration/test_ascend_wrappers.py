"""The conformance cases about what the SDK does around a call: waiting, decorators, wrappers, its own checks."""

from collections.abc import Iterator

import pytest
from ascend import AscendClient, AuthorizedAgent, FailMode, exceptions
from ascend.exceptions import AuthorizationError, ValidationError
from ascend.mcp import MCPGovernanceConfig, mcp_governance
from ascend.models import Decision
from ascend.wrappers.dynamic_code import GovernanceError, SafeEvaluator

from tests.tools.ascend_cases import submit, write_cases
from tests.tools.daemon import Daemon


@pytest.fixture(scope="module")
def cases(tmp_path_factory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("cases")
    with Daemon(folder, write_cases(folder)) as running:
        yield running


@pytest.fixture
def client(cases, monkeypatch) -> AscendClient:
    monkeypatch.setenv("ASCEND_API_KEY", "ask_test")
    return AscendClient(agent_id="agent-7", agent_name="Seven", api_url=cases.listen["decision"])


def events(client: AscendClient) -> int:
    return client.query_audit_log(1, 0).total


def test_c04_a_signed_submit_is_taken(cases, monkeypatch):
    monkeypatch.setenv("ASCEND_API_KEY", "ask_test")
    signing = AscendClient(agent_id="a", api_url=cases.listen["decision"], signing_secret="s3cret")
    told = submit(signing, parameters={"é": [1.0, {"x": 1e-07}]})
    assert told.decision is Decision.ALLOWED


def test_c11_a_hold_that_nobody_answers_is_a_timeout(client):
    with pytest.raises(exceptions.TimeoutError):
        client.evaluate_action("mail.send", "someone", timeout=1)


def test_c12_where_the_sdk_fails_open_nothing_was_approved_here(cases, client):
    lax = AscendClient(
        agent_id="agent-7", api_url=cases.listen["decision"], api_key="x", fail_mode=FailMode.OPEN
    )
    told = lax.evaluate_action("mail.send", "nobody", timeout=1)
    assert (told.decision, told.action_id.startswith("fail_open_")) == (Decision.ALLOWED, True)
    newest = client.query_audit_log(1, 0).events[0]
    assert (newest.resource, newest.outcome) == ("nobody", "pending")


def test_c16_c30_and_c60_what_the_sdk_refuses_itself_never_arrives(client):
    before = events(client)
    for call in (
        lambda: submit(client, orchestration_depth=6),
        lambda: client.evaluate_actions([{"action_type": "contacts.read", "resource": "t"}] * 51),
        lambda: client.configure_webhook("http://hooks.example/x", ["action.denied"]),
    ):
        with pytest.raises(ValidationError):
            call()
    assert events(client) == before


def test_c23_a_child_of_an_own_action_is_decided(client):
    parent = submit(client, orchestration_session_id="s-9", orchestration_depth=0)
    child = submit(
        client,
        orchestration_session_id="s-9",
        parent_action_id=int(parent.action_id),
        orchestration_depth=1,
    )
    assert child.decision is Decision.ALLOWED
    actions = client.get_orchestration_session("s-9")["actions"]
    assert actions[0]["parent_action_id"] == actions[1]["action_id"]


def test_c37_a_governed_tool_runs_and_is_completed(client):
    @mcp_governance(client, action_type="contacts.read", resource="governed")
    def tool(contact: str) -> str:
        return f"read {contact}"

    assert tool("c-1") == "read c-1"
    assert client.query_audit_log(1, 0).events[0].resource == "governed"


def test_c38_a_governed_tool_that_is_denied_does_not_run(client):
    ran = []

    @mcp_governance(client, action_type="contacts.drop", resource="governed")
    def tool() -> None:
        ran.append(1)

    with pytest.raises(AuthorizationError, match="Nothing is dropped here") as refused:
        tool()
    assert refused.value.error_code == "MCP_ACTION_DENIED"
    assert ran == []


def test_c39_nor_where_a_denial_is_to_raise_nothing(client):
    ran = []
    config = MCPGovernanceConfig(raise_on_denial=False)

    @mcp_governance(client, action_type="contacts.drop", resource="governed", config=config)
    def tool() -> int:
        ran.append(1)
        return 1

    assert tool() is None
    assert ran == []


def test_c40_a_governed_tool_that_is_held_does_not_run_before_an_answer(client):
    ran = []
    config = MCPGovernanceConfig(wait_for_approval=False)

    @mcp_governance(client, action_type="mail.send", resource="governed", config=config)
    def tool() -> None:
        ran.append(1)

    with pytest.raises(AuthorizationError) as refused:
        tool()
    assert refused.value.error_code == "GOVERNANCE_UNAVAILABLE"
    assert ran == []


def test_c42_what_a_tool_raises_is_raised_and_reported(cases, client):
    @mcp_governance(client, action_type="contacts.read", resource="breaks")
    def tool() -> None:
        raise KeyError("c-1")

    with pytest.raises(KeyError):
        tool()
    lines = (path.read_text() for path in sorted((cases.state / "audit").rglob("*.jsonl")))
    assert '"outcome":"failed"' in "".join(lines)


def test_c67_the_evaluator_asks_before_it_evaluates(cases, client):
    assert SafeEvaluator(client).eval("1+1") == 2
    other = AscendClient(agent_id="agent-8", api_url=cases.listen["decision"])
    with pytest.raises(GovernanceError):
        SafeEvaluator(other).eval("1+1")


def test_c69_a_daemon_that_is_gone_is_an_error_unless_the_sdk_fails_open(cases, tmp_path, monkeypatch):
    monkeypatch.setenv("ASCEND_API_KEY", "ask_test")
    with Daemon(tmp_path, cases.policies) as daemon:
        address = daemon.listen["decision"]
    with pytest.raises(exceptions.ConnectionError):
        submit(AscendClient(agent_id="a", api_url=address, max_retries=0))
    lax = AscendClient(agent_id="a", api_url=address, max_retries=0, fail_mode=FailMode.OPEN)
    assert submit(lax).action_id.startswith("fail_open_")


# The agent calls what its own SDK deprecates.
@pytest.mark.filterwarnings("ignore:AscendClient.submit_action:DeprecationWarning")
def test_c70_an_authorized_agent_of_the_sdk_never_runs_its_function(client):
    ran = []
    agent = AuthorizedAgent("agent-7", "Seven", client=client)
    with pytest.raises(AuthorizationError, match="Unexpected authorization status"):
        agent.execute_if_authorized("contacts.read", "orders", lambda: ran.append(1))
    assert ran == []
