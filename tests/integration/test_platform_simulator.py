"""The simulated platform is true: the unmodified public SDK works with it as it does with the real one."""

import asyncio
import signal
import subprocess
import sys

import pytest
from ascend import AscendClient
from ascend.exceptions import AuthenticationError, KillSwitchError
from ascend.models import Decision

from tests.fakes.audit import until
from tests.fakes.platform_book import Judged, PlatformBook
from tests.tools.daemon import REPOSITORY
from tests.tools.platform_simulator import PlatformSimulator, serving

RULES = {
    "pay": Judged("pending", 70, "two people"),
    "wipe": Judged("denied", 99, "never"),
    "mcp": Judged("denied", 100, "not registered", governance=True),
}


class House:
    def __init__(self, simulator, url):
        self.simulator = simulator
        self.book = simulator.book
        self.url = url

    def client(self, **settings):
        given = {"api_key": "ask_test", "agent_id": "a-1", "agent_name": "One", "max_retries": 0} | settings
        return AscendClient(api_url=self.url, **given)


@pytest.fixture
async def house():
    book = PlatformBook(lambda body: RULES.get(body["action_type"], Judged()))
    simulator = PlatformSimulator(book)
    async with serving(simulator) as url:
        yield House(simulator, url)


async def test_the_connection_test_succeeds(house):
    told = await asyncio.to_thread(house.client().test_connection)
    assert (told.connected, told.api_version) == (True, "simulator")


async def test_a_wrong_key_is_refused(house):
    client = house.client(api_key="wrong")
    with pytest.raises(AuthenticationError):
        await asyncio.to_thread(client.evaluate_action, "read", "x")
    assert not house.book.asked


async def test_an_action_is_allowed_and_completed(house):
    client = house.client()
    told = await asyncio.to_thread(
        client.evaluate_action, "read", "x", risk_indicators={"pii_involved": True}
    )
    assert (told.decision, told.execution_allowed) == (Decision.ALLOWED, True)
    assert (told.risk_score, told.risk_level.value) == (20, "low")
    assert house.book.actions[1].body["risk_indicators"] == {"pii_involved": True}
    completed = await asyncio.to_thread(client.log_action_completed, told.action_id, {"rows": 3}, 12)
    assert completed["success"] is True
    assert house.book.actions[1].outcome["result"] == {"rows": 3}
    failed = await asyncio.to_thread(client.log_action_failed, told.action_id, "timed out")
    assert "logged_locally" not in failed


async def test_an_action_is_denied(house):
    told = await asyncio.to_thread(house.client().evaluate_action, "wipe", "x")
    assert (told.decision, told.reason, told.execution_allowed) == (Decision.DENIED, "never", False)


async def test_governance_refuses_by_403_without_an_exception(house):
    told = await asyncio.to_thread(house.client().evaluate_action, "mcp", "x", mcp_server_name="crm")
    assert (told.decision, told.reason) == (Decision.DENIED, "not registered")
    assert told.metadata["governance_violation"] is True


@pytest.mark.parametrize(
    ("word", "expected"), [("approved", Decision.ALLOWED), ("rejected", Decision.DENIED)]
)
async def test_an_action_that_waits_ends_with_the_operators_word(house, word, expected):
    client = house.client()
    waiting = asyncio.ensure_future(asyncio.to_thread(client.evaluate_action, "pay", "x"))
    await until(lambda: len(house.book.asked) >= 2)
    assert not (await asyncio.to_thread(client.check_approval, "ar-1"))["approved"]
    house.book.resolve("ar-1", word, "ann", "so be it")
    told = await waiting
    assert told.decision is expected
    approval = await asyncio.to_thread(client.check_approval, "ar-1")
    flags = (approval["approved"], approval["denied"], approval["pending"])
    assert flags == (word == "approved", word == "rejected", False)
    assert approval["approver"] == "ann"
    status = await asyncio.to_thread(client.get_action_details, told.action_id)
    assert status.agent_id == "a-1"


async def test_an_agent_registers_lives_obeys_and_leaves(house):
    client = house.client()
    assert (await asyncio.to_thread(client.register))["success"] is True
    again = await asyncio.to_thread(client.register)
    assert again["status"] == "already_registered"
    await asyncio.to_thread(client.heartbeat)
    assert house.book.heartbeats[0]["agent_id"] == "a-1"
    assert (await asyncio.to_thread(client.get_agent_status)).status == "online"
    house.book.order("a-1", {"command_id": "c-1", "command_type": "BLOCK"})
    commands = await asyncio.to_thread(client.get_pending_commands)
    assert [command["command_id"] for command in commands] == ["c-1"]
    assert await asyncio.to_thread(client.ack_command, "c-1") is True
    assert await asyncio.to_thread(client.get_pending_commands) == []
    await asyncio.to_thread(client.deregister)
    assert not house.book.agents


async def test_the_kill_switch_blocks(house):
    house.book.blocked = "stop"
    client = house.client()
    await asyncio.to_thread(client.start_kill_switch_polling, 60)
    try:
        with pytest.raises(KillSwitchError):
            await asyncio.to_thread(client.evaluate_action, "read", "x")
    finally:
        await asyncio.to_thread(client.stop_kill_switch_polling)


@pytest.mark.parametrize(
    ("server", "expected"), [("read", Decision.ALLOWED), ("wipe", Decision.DENIED), ("pay", Decision.PENDING)]
)
async def test_an_mcp_action_is_told_in_the_words_of_its_route(house, server, expected):
    client = house.client()
    told = await asyncio.to_thread(client.evaluate_mcp_action, "crm", "db", "read", "x", action_type=server)
    assert told.decision is expected


async def test_signatures_are_checked_as_the_sdk_makes_them(house):
    house.simulator.signing_secret = "s1"
    told = await asyncio.to_thread(
        house.client(signing_secret="s1").evaluate_action, "read", "é", parameters={"z": 1.0, "a": [1e-07]}
    )
    assert told.decision is Decision.ALLOWED
    for client in (house.client(signing_secret="s2"), house.client()):
        with pytest.raises(AuthenticationError):
            await asyncio.to_thread(client.evaluate_action, "read", "x")


def test_it_can_be_started_by_hand():
    command = [sys.executable, "-m", "tests.tools.platform_simulator", "--port", "0", "--seconds", "60"]
    run = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    try:
        url = run.stdout.readline().split()[3].rstrip(",")
        client = AscendClient(
            api_url=url, api_key="ask_test", agent_id="a-1", agent_name="One", max_retries=0
        )
        told = client.evaluate_action("hold.pay", "x", wait_for_decision=False)
        assert told.approval_request_id == "ar-1"
    finally:
        run.send_signal(signal.SIGINT)
        assert run.wait(20) == 0
        run.stdout.close()
