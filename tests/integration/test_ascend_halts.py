"""The kill switch of this host as the unmodified SDK sees it: its polls, its commands, and which agent it is."""

import asyncio
import contextlib
import hashlib
import http.client
import json
import os
import sys
from urllib.parse import urlsplit

import pytest
from ascend import AscendClient
from ascend.exceptions import AuthorizationError, KillSwitchError
from ascend.mcp import MCPKillSwitchConsumer
from ascend.models import Decision

from sidecar.adapters.sqlite import HaltsSqlite
from sidecar.core.killswitch import Command, Kind, Order, Origin, scope
from sidecar.service.ports import HaltChange
from tests.fakes.audit import until
from tests.fakes.switched import Switched, open_doors
from tests.tools.daemon import REPOSITORY, Daemon, UnixConnection
from tests.tools.people import folder, hold, myself, outcome

KEY = "ask_of_the_bound_agent"
DIGEST = hashlib.sha256(KEY.encode()).hexdigest()
AGENTS = f'"agent:bound": {{tokens: ["{DIGEST}"], groups: [traders]}}\n"agent:a": {{groups: [traders]}}\n'
RULES = """rules:
  - {id: reads, match: {actions: ["*read*"]}, effect: allow, reason: Reading is fine.}
  - id: sends
    match: {actions: ["*send*"]}
    effect: approve
    reason: Somebody must look.
    approval: {stages: [{approvers: ["group:x"], within: 15m}]}
"""
STATUS = "/api/sdk/kill-switch/status"
WHY = "Halted by ann (agent a): It went rogue."


@pytest.fixture
def house():
    return Switched(RULES, agents=AGENTS)


@pytest.fixture
async def doors(house, tmp_path):
    async with open_doors(house, tmp_path) as opened:
        yield opened


def client_of(url: str, agent: str | None = "a", key: str = "ask_test") -> AscendClient:
    return AscendClient(agent_id=agent, api_url=url, api_key=key, max_retries=0)


async def call(work, *given, **named):
    return await asyncio.to_thread(work, *given, **named)


async def poll(client: AscendClient):
    return await call(client._request, "GET", STATUS)


@contextlib.asynccontextmanager
async def polling(client: AscendClient):
    try:
        await call(client.start_kill_switch_polling, 1)
        yield client
    finally:
        client.stop_kill_switch_polling()


# Which agent it is.


async def test_c45_by_the_cookie_of_an_earlier_answer(house, doors):
    client, other = client_of(doors.url), client_of(doors.url, "b")
    for one in (client, other):
        await call(one.heartbeat)
    await house.block()
    told = await poll(client)
    assert (told["blocked"], told["active"], told["is_active"]) == (True, True, True)
    assert (told["reason"], told["agent_id"], told["activated_by"]) == (WHY, "a", "ann")
    assert told["activated_at"] == "2023-11-14T22:13:20.000000Z"
    told = await poll(other)
    assert (told["blocked"], told["reason"], told["agent_id"]) == (False, None, "b")


async def test_by_the_prefix_of_the_address_on_every_call_of_the_sdk(house, doors):
    client = client_of(f"{doors.url}/agent/a", None)
    assert (await poll(client))["agent_id"] == "a"
    allowed = await call(client.evaluate_action, "contacts.read", "orders")
    assert allowed.decision is Decision.ALLOWED
    assert house.log.records[-1]["request"]["subject"]["id"] == "a"
    assert (await call(client.get_action_status, allowed.action_id)).decision is Decision.ALLOWED
    tool = await call(client.evaluate_mcp_action, "crm", "crm", "read", "contact:1")
    assert tool.decision is Decision.ALLOWED
    assert house.log.records[-1]["request"]["subject"]["id"] == "a"
    await house.block()
    assert (await poll(client))["blocked"] is True
    assert (await call(client.get_action_status, allowed.action_id)).decision is Decision.DENIED
    tool = await call(client.evaluate_mcp_action, "crm", "crm", "read", "contact:1")
    assert (tool.decision, tool.reason) == (Decision.DENIED, WHY)


async def test_an_agent_that_the_body_names_is_not_replaced_by_the_prefix(house, doors):
    await call(client_of(f"{doors.url}/agent/a", "b").evaluate_action, "contacts.read", "orders")
    assert house.log.records[-1]["request"]["subject"]["id"] == "b"


@pytest.mark.parametrize(("prefix", "agent"), [("my%20bot", "my bot"), ("a%2Fb", "a/b"), ("%C3%A9", "é")])
async def test_a_prefix_is_percent_encoded(house, doors, prefix, agent):
    await house.block(name=agent)
    told = await poll(client_of(f"{doors.url}/agent/{prefix}", None))
    assert (told["blocked"], told["agent_id"]) == (True, agent)


async def test_by_a_token_that_one_agent_is_bound_to(house, doors):
    client = client_of(doors.url, None, KEY)
    assert (await poll(client))["agent_id"] == "bound"
    await house.block(Kind.GROUP, "traders")
    assert (await poll(client))["blocked"] is True
    tool = await call(client.evaluate_mcp_action, "crm", "crm", "read", "contact:1")
    assert tool.decision is Decision.DENIED


async def test_of_several_that_are_named_one_that_is_halted_blocks(house, doors):
    client = client_of(f"{doors.url}/agent/other", None, KEY)
    assert (await poll(client))["agent_id"] == "other"
    await house.block(name="bound")
    told = await poll(client)
    assert (told["blocked"], told["agent_id"]) == (True, "bound")


async def test_one_that_is_not_known_is_told_of_what_halts_everybody(house, doors):
    client = client_of(doors.url, None)
    await house.block()
    told = await poll(client)
    assert (told["blocked"], "agent_id" in told) == (False, False)
    await house.block(Kind.HOST, "this-host")
    assert (await poll(client))["blocked"] is True


async def test_while_nobody_sees_everybody_is_blocked(house, doors):
    client = client_of(doors.url)
    house.blind = "Nothing was heard of the queue for 10 s."
    told = await poll(client)
    assert (told["blocked"], told["reason"], told["activated_by"]) == (True, house.blind, None)
    house.blind = ""
    assert (await poll(client))["blocked"] is False


# The SDK's own halts.


async def test_c44_and_c48_a_client_that_polls_is_blocked_and_released(house, doors):
    client = client_of(doors.url)
    await call(client.heartbeat)
    async with polling(client):
        assert not client.is_blocked()
        await house.block()
        await until(client.is_blocked)
        asked = len(house.log.records)
        with pytest.raises(KillSwitchError) as refused:
            await call(client.evaluate_action, "contacts.read", "orders")
        assert (refused.value.reason, len(house.log.records)) == (WHY, asked)
        await house.release()
        await until(lambda: not client.is_blocked())
        told = await call(client.evaluate_action, "contacts.read", "orders")
        assert told.decision is Decision.ALLOWED


async def test_c46_a_client_that_does_not_poll_is_denied_in_words(house, doors):
    await house.block()
    told = await call(client_of(doors.url).evaluate_action, "contacts.read", "orders")
    assert (told.decision, told.execution_allowed, told.reason) == (Decision.DENIED, False, WHY)


async def test_c47_a_client_that_waits_for_people_is_denied_at_its_next_poll(house, doors):
    client = client_of(doors.url)
    waiting = asyncio.create_task(call(client.evaluate_action, "mail.send", "orders", timeout=60))
    await until(lambda: len(house.approvals.book) == 1)
    await house.block()
    told = await waiting
    assert (told.decision, told.execution_allowed, told.reason) == (Decision.DENIED, False, WHY)


async def test_a_request_for_approval_is_rejected(house, doors):
    client = client_of(doors.url)
    held = await call(client.evaluate_action, "mail.send", "orders", wait_for_decision=False)
    await house.block()
    told = await call(client.check_approval, held.approval_request_id)
    assert (told["denied"], told["approved"], told["comments"]) == (True, False, WHY)


# Commands.


async def test_c51_orders_in_force_are_listed_for_the_agents_that_they_hit(house, doors):
    client = client_of(doors.url)
    assert await call(client.get_pending_commands) == []
    halt = await house.block(expires_at=house.clock.now() + 60)
    await house.block(name="b")
    await house.block(Kind.MCP_SERVER, "crm")
    own, server = await call(client.get_pending_commands)
    assert own == {
        "command_id": halt.command_id,
        "command_type": "BLOCK",
        "target_type": "agent",
        "reason": "It went rogue.",
        "parameters": {"name": "a"},
        "status": "pending",
        "issued_by": "ann",
        "issued_via": "admin",
        "created_at": "2023-11-14T22:13:20.000000Z",
        "expires_at": "2023-11-14T22:14:20.000000Z",
        "is_broadcast": False,
    }
    consumer = MCPKillSwitchConsumer()
    for command in (own, server):
        consumer.apply_message(command)
    assert consumer.is_blocked(mcp_server="crm")
    house.clock.advance(61)
    assert [one["target_type"] for one in await call(client.get_pending_commands)] == ["mcp_server"]


async def test_c52_a_command_is_acknowledged_and_recorded_once(house, doors):
    client = client_of(doors.url)
    halt = await house.block()
    for _ in range(2):
        assert await call(client.ack_command, halt.command_id) is True
    (record,) = [one for one in house.log.records if one["type"] == "kill_switch_agent_ack"]
    assert (record["command_id"], record["agent"], record["caller"]) == (halt.command_id, "agent:a", {})
    assert [one["status"] for one in await call(client.get_pending_commands)] == ["acknowledged"]


async def test_what_is_not_for_the_agent_or_not_its_to_say_cannot_be_acknowledged(house, doors):
    others, bound = await house.block(name="b"), await house.block(name="bound")
    for agent, command in (("a", others.command_id), ("a", "unknown"), ("bound", bound.command_id)):
        with pytest.raises(AuthorizationError):
            await call(client_of(doors.url).ack_command, command, agent)
    assert await call(client_of(doors.url, "bound", KEY).ack_command, bound.command_id) is True


async def test_an_acknowledgement_that_cannot_be_recorded_is_none(house, doors):
    client, halt = client_of(doors.url), await house.block()
    house.log.failing = True
    with pytest.raises(AuthorizationError):
        await call(client.ack_command, halt.command_id)
    house.log.failing = False
    assert await call(client.ack_command, halt.command_id) is True
    assert house.log.records[-1]["type"] == "kill_switch_agent_ack"


# A daemon whose last run left a halt.

OLD = """
import json, os, time
from ascend import AscendClient
from ascend.exceptions import KillSwitchError
client = AscendClient(agent_id="agent-5", max_retries=0)
client.start_kill_switch_polling(1)
told = {"version": __import__("ascend").__version__, "blocked": client.is_blocked()}
try:
    client.evaluate_action("database.read", "orders")
except KillSwitchError as error:
    told["reason"] = error.reason
client.stop_kill_switch_polling()
print(json.dumps(told))
"""


@pytest.fixture
async def halted(tmp_path):
    daemon = Daemon(tmp_path)
    daemon.state.mkdir(mode=0o700)
    store = HaltsSqlite(daemon.state)
    order = Order(
        Command.BLOCK, scope(Kind.AGENT, "agent-5"), "c-1", Origin.ADMIN, issued_at=1.0, reason="Stop."
    )
    await store.put(HaltChange([order]))
    await store.close()
    try:
        yield await asyncio.to_thread(daemon.start)
    finally:
        await asyncio.to_thread(daemon.__exit__)


async def test_the_older_sdk_is_blocked_too_by_a_halt_of_the_last_run(halted):
    environ = os.environ | {
        "PYTHONPATH": str(REPOSITORY / ".venv" / "sdk-2.5.0"),
        "ASCEND_API_URL": f"{halted.listen['decision']}/agent/agent-5",
        "ASCEND_API_KEY": "ask_test",
    }
    run = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OLD), env=environ, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await asyncio.wait_for(run.communicate(), 60)
    told = json.loads(out.splitlines()[-1])
    assert told == {"version": "2.5.0", "blocked": True, "reason": "Halted (agent agent-5): Stop."}


async def test_a_daemon_that_starts_with_a_halt_denies_and_tells_its_streams(halted):
    told = await call(halted.evaluate, "agent:agent-5", "database.read", "resource:orders")
    assert told.body["context"]["code"] == "halted"
    assert (await call(halted.get, "/livez", "ops")).status == 200
    lines = await call(first_events, halted)
    assert lines == ["1 clear * -", "2 blocked agent:agent-5 Halted%20%28agent%20agent-5%29:%20Stop."]


async def test_an_order_of_the_admin_socket_ends_approvals_and_is_told_on_every_stream(tmp_path):
    policies = folder(tmp_path, myself())
    daemon = Daemon(tmp_path, policies)
    try:
        await asyncio.to_thread(daemon.start)
        decision, approval = await call(hold, daemon)
        streams = [await call(Lines, daemon, door) for door in ("decision", "admin_socket")]
        assert [await call(one.word) for one in streams] == ["clear", "sighted"]
        assert await call(streams[0].word) == "clear"
        order = {"scope": {"kind": "agent", "name": "a1"}, "reason": "It went rogue."}
        answer = await call(daemon.post, "/v1/killswitch/block", order, "admin_socket")
        assert answer.status == 200, answer.raw
        assert [await call(one.word) for one in streams] == ["blocked", "halted"]
        assert (await call(outcome, daemon, decision))["code"] == "halted"
        await until(lambda: standing(daemon, approval) == "halted")
        assert (
            await call(daemon.post, f"/v1/approvals/{approval}/approve", {}, "admin_socket")
        ).status == 409
        for one in streams:
            one.close()
    finally:
        await asyncio.to_thread(daemon.__exit__)


def standing(daemon: Daemon, approval: str) -> str:
    return daemon.get(f"/v1/approvals/{approval}", "admin_socket").body["standing"]


class Lines:
    """A stream of a real daemon, read line by line."""

    def __init__(self, daemon: Daemon, door: str) -> None:
        address = daemon.listen[door]
        is_path = address.startswith("/")
        self._connection = (
            UnixConnection(address)
            if is_path
            else http.client.HTTPConnection(urlsplit(address).netloc, timeout=20)
        )
        self._connection.request("GET", "/v1/events", headers={"Accept": "text/plain"})
        self._answer = self._connection.getresponse()

    def word(self) -> str:
        line = b":"
        while line.startswith(b":"):
            line = self._answer.readline()
        return line.split()[1].decode()

    def close(self) -> None:
        self._answer.close()
        self._connection.close()


def first_events(daemon: Daemon) -> list[str]:
    """The first lines of a stream, and that SIGTERM ends it with a last one."""
    connection = http.client.HTTPConnection(urlsplit(daemon.listen["decision"]).netloc, timeout=20)
    connection.request("GET", "/v1/events?agent=agent-5", headers={"Accept": "text/plain"})
    answer = connection.getresponse()
    lines = [answer.readline().decode().strip() for _ in range(2)]
    assert daemon.stop() == 0
    rest = [line for line in answer.read().decode().splitlines() if not line.startswith(":")]
    assert rest == ["3 bye - The%20daemon%20is%20stopping."]
    connection.close()
    return lines
