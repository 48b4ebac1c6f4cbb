"""The conformance cases of the kill switch: an operator of the platform turns it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from ascend import AscendClient
from ascend.exceptions import KillSwitchError
from ascend.models import Decision

from sidecar.adapters.sqlite import HaltsSqlite
from sidecar.core.killswitch import Command, Kind, Order, Origin, scope
from sidecar.service.ports import HaltChange
from tests.fakes.audit import until
from tests.tools import platform_faults as faults
from tests.tools.governed import THEIRS, Governed, governed
from tests.tools.platform_simulator import by_name

RULES = "rules: [{id: everything, effect: allow, score: platform, reason: This is a test.}]\n"
STOP = "Everybody stops."
PATH = "/api/sdk/kill-switch/status"


@pytest.fixture
async def house(tmp_path):
    async with governed(tmp_path, RULES, ASCEND_SIDECAR_PLATFORM_TIMEOUT="5s") as running:
        running.simulator.book.rule = by_name
        yield running


@contextlib.asynccontextmanager
async def polling(house: Governed) -> AsyncIterator[AscendClient]:
    client = AscendClient(
        agent_id="agent-7", api_url=house.daemon.listen["decision"], api_key=THEIRS, max_retries=0
    )
    try:
        await asyncio.to_thread(client.start_kill_switch_polling, 1)
        yield client
    finally:
        client.stop_kill_switch_polling()


def submits(house: Governed) -> int:
    return sum(one.path == "/api/v1/actions/submit" for one in house.simulator.heard)


async def test_c44_and_c48_a_switch_that_is_on_blocks_those_that_poll_until_it_is_released(house):
    async with polling(house) as client:
        assert not client.is_blocked()
        house.simulator.book.block(STOP)
        await until(client.is_blocked)
        before = submits(house)
        with pytest.raises(KillSwitchError) as refused:
            await asyncio.to_thread(client.evaluate_action, "read", "orders")
        assert (refused.value.reason, submits(house)) == (STOP, before)
        house.simulator.book.blocked = None
        await until(lambda: not client.is_blocked())
        told = await asyncio.to_thread(client.evaluate_action, "read", "orders")
        assert told.decision is Decision.ALLOWED


async def test_c45_and_c46_who_does_not_poll_is_denied_by_the_platform(house):
    house.simulator.book.block(STOP)
    action = await house.sdk(lambda client: client.evaluate_action("read", "orders"))
    tool = await house.sdk(lambda client: client.evaluate_mcp_action("crm", "read", "orders", "orders"))
    assert [(one.decision, one.execution_allowed) for one in (action, tool)] == [(Decision.DENIED, False)] * 2
    assert STOP in action.reason


async def test_c47_a_switch_that_is_turned_while_people_are_asked_denies(house):
    def wait(client: AscendClient):
        return client.evaluate_action("hold.payment", "acct")

    waiting = asyncio.ensure_future(house.sdk(wait))
    await until(lambda: any(one.approval_id for one in house.simulator.book.actions.values()))
    house.simulator.book.block(STOP)
    told = await waiting
    assert (told.decision, told.execution_allowed) == (Decision.DENIED, False)


async def test_a_poll_goes_on_with_the_key_of_its_caller(house):
    assert (await house.ask("GET", PATH)).body["blocked"] is False
    assert {one.headers["X-API-Key"] for one in house.simulator.heard if one.path == PATH} == {THEIRS}
    assert (await house.ask("GET", PATH, X_API_Key="")).status == 403


async def test_a_platform_that_is_silent_is_an_error_and_blocks_those_that_poll(house):
    async with polling(house) as client:
        house.simulator.fault = faults.status(503)
        await until(client.is_blocked)
        house.simulator.fault = None
        await until(lambda: not client.is_blocked())


async def test_both_sdks_read_the_switch_whatever_name_the_platform_has_for_it(house):
    house.simulator.fault = faults.shape({"is_active": True, "reason": STOP})
    told = (await house.ask("GET", PATH)).body
    assert (told["blocked"], told["active"], told["is_active"], told["reason"]) == (True, True, True, STOP)


@pytest.mark.parametrize("said", [{}, {"blocked": "no"}, {"blocked": None}, [], {"status": "ok"}])
async def test_what_says_nothing_of_a_block_is_an_error_and_not_the_all_clear(house, said):
    house.simulator.fault = faults.shape(said)
    told = await house.ask("GET", PATH)
    assert (told.status, list(told.body)) == (403, ["detail"])


@pytest.fixture
async def halted(tmp_path):
    """A daemon whose last run has left a halt of one agent, beside a platform that halts nobody."""
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    store = HaltsSqlite(state)
    await store.put(
        HaltChange([Order(Command.BLOCK, scope(Kind.AGENT, "agent-7"), "ours", Origin.ADMIN, reason=STOP)])
    )
    await store.close()
    async with governed(tmp_path, RULES) as running:
        running.simulator.book.rule = by_name
        yield running


async def test_c50_a_halt_of_this_host_blocks_whatever_the_platform_says(halted):
    async with polling(halted) as client:
        assert not client.is_blocked(), "nothing has named the agent yet"
        await asyncio.to_thread(client.heartbeat)
        await until(client.is_blocked)
        with pytest.raises(KillSwitchError) as refused:
            await asyncio.to_thread(client.evaluate_action, "read", "orders")
        assert STOP in refused.value.reason
        halted.simulator.fault = faults.status(503)
        told = await halted.ask("GET", f"/agent/agent-7{PATH}")
        assert (told.status, told.body["blocked"]) == (200, True)
    assert submits(halted) == 0


async def test_c51_commands_of_this_host_and_of_the_platform_are_listed_together(halted):
    halted.simulator.book.order("agent-7", {"command_id": "theirs", "command_type": "BLOCK"})
    path = "/api/registry/agents/agent-7/commands"
    told = (await halted.ask("GET", path)).body
    assert ([one["command_id"] for one in told["commands"]], told["count"]) == (["ours", "theirs"], 2)
    halted.simulator.fault = faults.status(503)
    told = (await halted.ask("GET", path)).body
    assert [one["command_id"] for one in told["commands"]] == ["ours"]
    halted.simulator.fault = faults.shape({"commands": None})
    told = (await halted.ask("GET", path)).body
    assert ([one["command_id"] for one in told["commands"]], told["count"]) == (["ours"], 1)


async def test_c52_a_note_of_this_hosts_order_stays_here_and_of_another_goes_to_the_platform(halted):
    ack = "/api/registry/agents/agent-7/commands/{}/ack"
    told = {name: (await halted.ask("POST", ack.format(name), {})).body for name in ("ours", "theirs")}
    assert {name: one["success"] for name, one in told.items()} == {"ours": True, "theirs": True}
    assert {name: "platform" in one for name, one in told.items()} == {"ours": False, "theirs": True}


async def test_the_prefix_of_an_agent_is_not_passed_on(halted):
    assert (await halted.ask("GET", f"/agent/agent-8{PATH}")).body["blocked"] is False
    assert {one.path for one in halted.simulator.heard} == {PATH}
