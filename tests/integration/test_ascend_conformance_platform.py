"""The conformance cases of the SDK's wire contract that need a platform and its people, by their numbers.

The people are the test: what they do is done to the books of a simulated platform.
"""

import asyncio
import socket

import pytest
from ascend import AscendClient
from ascend.exceptions import AuthorizationError, KillSwitchError
from ascend.mcp import MCPGovernanceConfig, mcp_governance
from ascend.models import Decision
from ascend.wrappers import subprocess as governed_subprocess
from requests import HTTPError

from tests.fakes.audit import until
from tests.tools import platform_faults as faults
from tests.tools.daemon import Daemon
from tests.tools.governed import Governed, governed
from tests.tools.platform_simulator import by_name

RULES = "rules: [{id: everything, effect: allow, score: platform, reason: This is a test.}]\n"
HELD = "hold.payment"


@pytest.fixture
async def house(tmp_path):
    async with governed(tmp_path, RULES, ASCEND_SIDECAR_PLATFORM_TIMEOUT="5s") as running:
        running.simulator.book.rule = by_name
        yield running


def held(client: AscendClient):
    return client.evaluate_action(HELD, "acct", wait_for_decision=False)


def ask(house: Governed, call) -> asyncio.Future:
    """A call of the SDK that is under way."""
    return asyncio.ensure_future(house.sdk(call))


async def on_hold(house: Governed) -> str:
    """The platform's id of the approval that it has come to hold."""
    actions = house.simulator.book.actions
    await until(lambda: any(one.approval_id for one in actions.values()))
    return next(one.approval_id for one in actions.values() if one.approval_id)


async def test_c09_an_approval_while_the_agent_waits_is_an_allow_and_says_whose(house):
    waiting = ask(house, lambda client: client.evaluate_action(HELD, "acct"))
    house.simulator.book.resolve(await on_hold(house), "approved", "olga")
    told = await waiting
    assert (told.decision, told.execution_allowed) == (Decision.ALLOWED, True)
    assert told.approved_by == "platform:olga"


async def test_c10_what_an_operator_refuses_is_denied(house):
    action = (await house.sdk(held)).action_id
    house.simulator.book.resolve(await on_hold(house), "rejected", "olga", "not today")
    told = await house.sdk(lambda client: client.wait_for_decision(action, poll_interval=0.1))
    assert (told.decision, told.raw_status) == (Decision.DENIED, "denied")


async def test_c13_an_escalation_is_told_once_and_waited_through(house):
    escalations = []
    action = (await house.sdk(held)).action_id
    approval = await on_hold(house)
    house.simulator.book.escalate(approval)
    waiting = ask(
        house,
        lambda client: client.wait_for_decision(
            action, poll_interval=0.1, on_escalated=lambda *told: escalations.append(told)
        ),
    )
    await until(lambda: escalations)
    house.simulator.book.resolve(approval, "approved", "olga")
    assert (await waiting).decision is Decision.ALLOWED
    assert [(number, told.raw_status) for number, told in escalations] == [(action, "escalated")]


async def test_c14_a_submit_that_takes_four_seconds_is_one_request(house):
    house.simulator.faults = [faults.slow(4)]
    told = await house.sdk(lambda client: client.evaluate_action("read", "orders"))
    assert told.decision is Decision.ALLOWED
    assert [one.path for one in house.simulator.heard] == ["/api/v1/actions/submit"]
    assert (
        await house.sdk(lambda client: client.get_action_status(told.action_id))
    ).decision is told.decision
    house.simulator.fault = faults.status(503)
    assert (await house.sdk(lambda client: client.query_audit_log())).total == 1


async def test_c22_a_parent_of_another_session_is_refused(house):
    parent = await house.sdk(
        lambda client: client.evaluate_action("read", "orders", orchestration_session_id="s-1")
    )
    with pytest.raises(AuthorizationError, match="another session"):
        await house.sdk(
            lambda client: client.evaluate_action(
                "read",
                "orders",
                orchestration_session_id="s-2",
                parent_action_id=int(parent.action_id),
                orchestration_depth=1,
            )
        )


async def test_c34_an_action_of_a_tool_server_is_followed_like_any_other(house):
    told = await house.sdk(lambda client: client.evaluate_mcp_action("crm", "hold", "payment", "acct"))
    assert told.decision is Decision.PENDING
    house.simulator.book.resolve(await on_hold(house), "approved", "olga")

    def follow(client: AscendClient):
        return client.wait_for_decision(told.action_id, poll_interval=0.1)

    assert (await house.sdk(follow)).decision is Decision.ALLOWED
    assert (await house.sdk(lambda client: client.get_action_status(told.action_id))).decision is (
        Decision.ALLOWED
    )


@pytest.mark.parametrize(
    ("word", "flag", "comment"), [("approved", "approved", None), ("rejected", "denied", "not today")]
)
async def test_c35_an_approval_is_pending_and_then_what_was_said_by_whom(house, word, flag, comment):
    decision = await house.sdk(held)

    def check(client: AscendClient):
        return client.check_approval(decision.approval_request_id)

    assert flags(await house.sdk(check)) == ["pending"]
    house.simulator.book.resolve(await on_hold(house), word, "olga", comment or "")
    await house.sdk(lambda client: client.wait_for_decision(decision.action_id, poll_interval=0.1))
    told = await house.sdk(check)
    assert (flags(told), told["approver"]) == ([flag], "platform:olga")
    assert told["comments"] == comment
    assert told["timestamp"]


def flags(told: dict) -> list[str]:
    return [name for name in ("pending", "approved", "denied") if told[name] is True]


async def test_c36_an_approval_that_nobody_knows_is_none(house):
    for unknown in ("999999999", "ar-1"):
        with pytest.raises(HTTPError, match="404"):
            await house.sdk(lambda client, unknown=unknown: client.check_approval(unknown))


async def test_c41_a_governed_tool_runs_once_an_operator_approves(house):
    ran = []

    def call(client: AscendClient):
        config = MCPGovernanceConfig(approval_poll_interval_seconds=1)

        @mcp_governance(client, action_type=HELD, resource="acct", config=config)
        def tool() -> str:
            ran.append(1)
            return "paid"

        return tool()

    calling = ask(house, call)
    approval = await on_hold(house)
    assert ran == []
    house.simulator.book.resolve(approval, "approved", "olga")
    assert (await calling, ran) == ("paid", [1])


async def test_c49_a_daemon_that_is_gone_blocks_those_that_poll_until_it_is_back(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    daemon = Daemon(tmp_path, arguments=("--listen", address))
    client = AscendClient(agent_id="agent-7", api_url=f"http://{address}", api_key="x", max_retries=0)
    try:
        await asyncio.to_thread(daemon.start)
        await asyncio.to_thread(client.start_kill_switch_polling, 1)
        assert not client.is_blocked()
        await asyncio.to_thread(daemon.stop)
        await until(client.is_blocked)
        with pytest.raises(KillSwitchError) as refused:
            client.evaluate_action("read", "orders")
        assert "fail-secure" in refused.value.reason
        await asyncio.to_thread(daemon.start)
        await until(lambda: not client.is_blocked())
    finally:
        client.stop_kill_switch_polling()
        await asyncio.to_thread(daemon.__exit__)


async def test_c51_a_command_is_listed_until_it_is_acknowledged(house):
    house.simulator.book.order("agent-7", {"command_id": "c-1", "command_type": "BLOCK"})
    listed = await house.sdk(lambda client: client.get_pending_commands())
    assert [one["command_id"] for one in listed] == ["c-1"]
    assert await house.sdk(lambda client: client.ack_command("c-1")) is True
    await until(lambda: house.simulator.book.commands["agent-7"] == [])
    assert await house.sdk(lambda client: client.get_pending_commands()) == []


async def test_c59_a_webhook_is_configured_listed_changed_tried_and_deleted(house):
    def walk(client: AscendClient):
        made = client.configure_webhook("https://hooks.example/a", ["action.denied"], secret="s3cret")
        (listed,) = client.list_webhooks()
        changed = client.update_webhook(listed.webhook_id, url="https://hooks.example/b")
        tried = client.test_webhook(listed.webhook_id)
        raw = client._request("GET", "/api/webhooks")
        client.delete_webhook(listed.webhook_id)
        return made["webhook_id"], listed, changed, tried, raw, client.list_webhooks()

    made, listed, changed, tried, raw, left = await house.sdk(walk)
    assert made == listed.webhook_id == changed.webhook_id
    assert (listed.url, changed.url) == ("https://hooks.example/a", "https://hooks.example/b")
    assert (tried.success, left) == (True, [])
    assert "s3cret" not in str(raw)


async def test_c61_a_tool_server_is_registered_switched_and_deleted(house):
    def walk(client: AscendClient):
        client.register_mcp_server("crm", display_name="Customers")
        got = [client.get_mcp_server("crm")]
        for call in (client.deactivate_mcp_server, client.activate_mcp_server):
            call("crm")
            got.append(client.get_mcp_server("crm"))
        return got, client.delete_mcp_server("crm")

    got, deleted = await house.sdk(walk)
    assert got[0]["display_name"] == "Customers"
    assert [one["is_active"] for one in got] == [True, False, True]
    assert (deleted, house.simulator.book.rooms.servers) == ({"success": True}, {})
    switches = [one for one in house.simulator.heard if one.path.endswith("activate")]
    assert [one.body for one in switches] == [b"", b""]


async def test_c68_a_command_that_is_held_is_not_run(tmp_path, house):
    # The daemon's rule is the platform's: what runs a program is held.
    house.simulator.book.rule = lambda body: by_name(
        {"action_type": "hold" if body["action_type"] == "system.subprocess" else "read"}
    )
    made = tmp_path / "made"
    before = dict(governed_subprocess._config)

    def call(client: AscendClient):
        governed_subprocess.configure(client=client, timeout=1, auto_approve_safe=False)
        return governed_subprocess.run(["touch", str(made)])

    try:
        with pytest.raises(governed_subprocess.GovernanceError, match="not received within"):
            await house.sdk(call)
    finally:
        governed_subprocess._config.update(before)
    assert await on_hold(house)
    assert not made.exists()
