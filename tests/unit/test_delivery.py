"""Delivery: in order, a few at once, and no item, agent or outage that keeps the rest from arriving."""

import asyncio

import pytest

from sidecar.core.owed import Kind
from sidecar.core.platform import Reason, Unavailable
from tests.fakes.audit import until
from tests.fakes.owing import OwingHouse

POISON = "/api/poison"


@pytest.fixture
async def house():
    async with OwingHouse().writing() as one:
        yield one


async def owe(house, *numbers, agent="agent:a", **parts):
    for number in numbers:
        await house.outbox.owe(house.item(number, Kind.COMPLETION, agent, **parts))


class Poisoned:
    """A platform that fails on one path, and is well otherwise. Each path that was sent is in `sent`."""

    def __init__(self, platform, unavailable):
        self.platform = platform
        self.unavailable = unavailable
        self.sent = []

    async def send(self, call, within):
        self.sent.append(call.path)
        if call.path == POISON:
            return self.unavailable
        return await self.platform.send(call, within)


async def test_calls_bear_the_items_id_and_go_in_the_background(house):
    calls = []

    class Listening:
        async def send(self, call, within):
            calls.append(call)
            return await house.platform.send(call, within)

    house.reach(Listening())
    await owe(house, 1)
    await house.deliver()
    assert [(call.method, call.correlation_id, call.in_background, call.sender) for call in calls] == [
        ("POST", "asc_1", True, None)
    ]


async def test_what_the_platform_refuses_is_dropped_counted_and_blocks_nobody(house):
    await owe(house, 1, path="/api/nowhere")
    await owe(house, 2)
    await house.deliver()
    assert house.told == [2]
    assert house.counted('ascend_sidecar_outbox_dropped_total{kind="completion",why="refused"} 1.0')
    assert house.outbox.status().count == 0


@pytest.mark.parametrize("reason", [Reason.REFUSED, Reason.CIRCUIT_OPEN, Reason.UNAUTHORIZED, Reason.FAILING])
async def test_after_a_day_of_outage_all_arrives_in_order(house, reason):
    await owe(house, *range(5))
    await owe(house, 10, 11, agent="agent:b")
    house.platform.failing = Unavailable(reason)
    for _ in range(50):
        await house.deliver()
        house.clock.advance(1800)
    assert house.outbox.status().count == 7
    assert reason in house.outbox.status().problem
    house.platform.failing = None
    house.clock.advance(300)
    await house.deliver()
    assert [number for number in house.told if number < 10] == list(range(5))
    assert [number for number in house.told if number >= 10] == [10, 11]
    assert house.outbox.status().problem == ""
    assert house.outbox.status().dropped == 0


async def test_while_nothing_gets_through_all_rest_longer_and_longer(house):
    poisoned = Poisoned(house.platform, Unavailable(Reason.CIRCUIT_OPEN))
    house.reach(poisoned)
    for number in range(20):
        await owe(house, number, agent=f"agent:{number}", path=POISON)
    for _ in range(600):
        await house.deliver()
        house.clock.advance(1)
    assert 40 <= len(poisoned.sent) <= 50


async def test_an_item_that_alone_fails_lets_the_others_of_its_agent_pass_and_is_tried_on(house):
    poisoned = Poisoned(house.platform, Unavailable(Reason.FAILING, 500))
    house.reach(poisoned)
    await owe(house, 1, path=POISON)
    await owe(house, 2, 3)
    for number in range(10, 20):
        await owe(house, number, agent="agent:b")
        await house.deliver()
        house.clock.advance(20)
    assert house.told.count(2) == house.told.count(3) == 1
    assert house.outbox.status().count == 1
    before = len(poisoned.sent)
    house.clock.advance(300)
    await house.deliver()
    assert len(poisoned.sent) == before + 1
    poisoned.unavailable = Unavailable(Reason.UNSENDABLE)
    house.clock.advance(300)
    await house.deliver()
    assert house.outbox.status().count == 0


async def test_while_all_fail_no_item_passes_another(house):
    house.reach(Poisoned(house.platform, Unavailable(Reason.FAILING, 500)))
    await owe(house, 1, path=POISON)
    await owe(house, 2)
    for _ in range(50):
        await house.deliver()
        house.clock.advance(400)
    assert house.told == []


async def test_one_call_an_agent_is_under_way_and_few_altogether(house):
    under_way, most, agents = 0, 0, set()

    class Slow:
        async def send(self, call, within):
            nonlocal under_way, most
            agent = call.body["agent_id"]
            assert agent not in agents
            agents.add(agent)
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            agents.discard(agent)
            under_way -= 1
            return await house.platform.send(call, within)

    house.reach(Slow())
    for agent in range(8):
        await owe(house, 2 * agent, 2 * agent + 1, agent=f"agent:{agent}")
    task = asyncio.create_task(house.delivery.run())
    try:
        await until(lambda: len(house.told) == 16)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert most == 4


async def test_a_disk_that_cannot_be_read_delays_and_loses_nothing(house):
    await owe(house, 1)
    house.store.failing = True
    await house.deliver()
    house.store.failing = False
    assert house.told == []
    house.clock.advance(60)
    await house.deliver()
    assert house.told == [1]
