"""The loop of the kill switch over a real queue, and everything between them that can break: no halt is missed."""

import asyncio
import os
import random

import pytest

from tests.fakes.audit import until
from tests.fakes.watching import Watching, block
from tests.tools.daemon import until as within
from tests.tools.fault_proxy import fault_proxy
from tests.tools.moto_process import moto_process
from tests.tools.s3 import environment
from tests.tools.sqs import Queue, feed_of

WAIT = 1.0
PATIENCE = 60.0
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "1"))


@pytest.fixture(scope="module")
def moto():
    with moto_process() as server:
        yield server


@pytest.fixture(scope="module")
def proxy(moto):
    with fault_proxy(moto.url) as found:
        yield found


@pytest.fixture
def queue(moto, proxy):
    proxy.clear()
    found = Queue(moto.url)
    yield found
    found.close()


@pytest.fixture
async def here(queue, proxy, monkeypatch):
    for name, value in environment(proxy.url).items():
        monkeypatch.setenv(name, value)
    feed = feed_of(queue.url, proxy.url)
    async with Watching(feed, WAIT) as found:
        yield found
    await feed.close()


async def halt(queue, here, agent):
    await asyncio.to_thread(queue.send, block(agent))
    await until(lambda: agent in here.halted, PATIENCE)


async def is_told(here, why):
    await until(lambda: here.watch.status().why == why, PATIENCE)


async def is_well(queue, here):
    """It sees again, and all that came is settled."""
    await until(lambda: here.watch.status().why == "", PATIENCE)
    await asyncio.to_thread(within, lambda: not queue.count(), "the queue is empty", PATIENCE)
    assert {order.scope.name for order in here.store.orders.values()} == here.halted


@pytest.mark.parametrize("fault", ["reset", "refuse"])
async def test_a_connection_that_is_reset_or_refused(fault, queue, here, proxy):
    await halt(queue, here, "a1")
    getattr(proxy, fault)()
    await is_told(here, "unreachable")
    await asyncio.to_thread(queue.send, block("a2"))
    proxy.clear()
    await until(lambda: here.halted == {"a1", "a2"}, PATIENCE)
    await is_well(queue, here)


async def test_an_answer_that_is_cut_off_within_a_message(queue, here, proxy):
    await halt(queue, here, "a1")
    proxy.cut(200)
    await asyncio.to_thread(queue.send, block("a2"))
    await is_told(here, "unreachable")
    assert here.halted == {"a1"}
    proxy.clear()
    await until(lambda: here.halted == {"a1", "a2"}, PATIENCE)
    await is_well(queue, here)


async def test_answers_that_never_come(queue, here, proxy):
    await halt(queue, here, "a1")
    proxy.hold_answers()
    await asyncio.to_thread(queue.send, block("a2"))
    await is_told(here, "timeout")
    proxy.clear()
    await until(lambda: here.halted == {"a1", "a2"}, PATIENCE)
    await is_well(queue, here)


async def test_a_server_that_hangs_and_goes_on(queue, here, moto):
    await halt(queue, here, "a1")
    moto.hang()
    try:
        await is_told(here, "timeout")
    finally:
        moto.go_on()
    await halt(queue, here, "a2")
    await is_well(queue, here)


async def test_packets_that_vanish_are_noticed_by_the_connection_long_before_the_poll_ends(
    queue, proxy, here
):
    """Nothing tells a poll of 20 s from a queue that is empty, but that its peer is silent to TCP itself."""
    feed = feed_of(queue.url, proxy.url)
    polling = asyncio.ensure_future(feed.receive(20))
    connections = proxy.connections
    await until(lambda: proxy.connections > connections)
    await asyncio.sleep(0.2)
    proxy.silence()
    await asyncio.wait({polling}, timeout=PATIENCE)
    proxy.clear()
    assert polling.exception().why == "unreachable"
    await feed.close()
    await halt(queue, here, "a1")


async def test_a_queue_that_is_deleted_and_made_again(queue, here):
    await halt(queue, here, "a1")
    await asyncio.to_thread(queue.delete)
    await is_told(here, "no_queue")
    await asyncio.to_thread(queue.create)
    await halt(queue, here, "a2")
    await is_well(queue, here)


async def test_a_daemon_that_dies_within_a_poll_takes_no_halt_with_it(queue, here, proxy):
    """The poll goes on at the server, and gets the message; the next daemon gets it all the same."""
    dead = feed_of(queue.url, proxy.url)
    polling = asyncio.ensure_future(dead.receive(5))
    await asyncio.sleep(0.2)
    polling.cancel()
    await asyncio.wait({polling})
    await halt(queue, here, "a1")
    await is_well(queue, here)


@pytest.mark.fault
async def test_no_halt_is_missed_whatever_happens(queue, here, proxy):
    chance = random.Random(11)
    faults = [proxy.reset, proxy.refuse, lambda: proxy.cut(300), proxy.clear]
    sent = set()
    for number in range(ROUNDS):
        for fault in chance.sample(faults, len(faults)):
            agents = {f"a{number}-{len(sent) + more}" for more in range(3)}
            sent |= agents
            fault()
            for agent in sorted(agents):
                await asyncio.to_thread(queue.send, block(agent))
            await asyncio.sleep(chance.random() * 0.3)
    proxy.clear()
    await until(lambda: here.halted == sent, PATIENCE)
    await is_well(queue, here)
