"""A fleet while everything between it and its queues breaks: after each fault no halt is missing and none is over.

`make fault` runs it with 20 daemons, on moto and on LocalStack.
"""

import os
import random
import signal
import time

import pytest

from tests.tools.daemon import until
from tests.tools.fleet import blocks, fleet, see, shuffled, unblocks
from tests.tools.localstack_server import localstack
from tests.tools.moto_process import moto_process

SIZE = int(os.getenv("FLEET_SIZE", "2"))
SERVERS = {"moto": moto_process, "localstack": localstack}
HUNG = 3.0
pytestmark = pytest.mark.fault


@pytest.fixture(scope="module", params=os.getenv("FLEET_SERVERS", "moto").split(","))
def server(request):
    with SERVERS[request.param]() as found:
        yield found


@pytest.fixture(scope="module")
def many(server, tmp_path_factory):
    with fleet(tmp_path_factory.mktemp("fleet"), server.url, SIZE) as made:
        yield made


def test_networks_that_break_in_every_way_lose_and_release_nothing(many):
    halts, chance = blocks(10 * SIZE, "network"), random.Random(7)
    faults = ("reset", "refuse", "silence", "hold_answers", "cut")
    for place, start in enumerate(range(0, len(halts), 10)):
        broken = chance.sample(many.proxies, max(1, SIZE // 2))
        for number, proxy in enumerate(broken):
            fault = faults[(place + number) % len(faults)]
            proxy.cut(40) if fault == "cut" else getattr(proxy, fault)()
        some = halts[start : start + 10]
        many.publish(*shuffled([*some, *unblocks(some)], seed=place))
        for proxy in broken:
            proxy.clear()
    assert many.missed(halts) == 0
    until(lambda: many.left() == 0, "every message was taken", 90.0)
    assert many.unlawful(halts) == 0


def test_kills_between_receive_store_and_delete_lose_and_release_nothing(many):
    halts, chance = blocks(10 * SIZE, "killed"), random.Random(11)
    for start in range(0, len(halts), 10):
        some = halts[start : start + 10]
        many.publish(*shuffled(some, seed=start))
        victim = chance.randrange(SIZE)
        time.sleep(chance.random() * 0.05)  # at another step each time
        many.daemons[victim].stop(signal.SIGKILL)
        many.daemons[victim].start()
    many.everywhere(see)
    assert many.missed(halts) == 0
    until(lambda: many.left() == 0, "every message was taken", 90.0)
    assert many.unlawful(halts) == 0


def test_a_server_that_hangs_loses_nothing_that_it_is_told_afterwards(many, server):
    halts = blocks(5, "hung")
    server.hang()
    time.sleep(HUNG)
    server.go_on()
    many.publish(*halts)
    assert many.missed(halts) == 0
    assert many.unlawful(halts) == 0


def test_a_queue_that_is_gone_loses_nothing_that_the_state_names(many):
    halts = blocks(5, "gone")
    many.delete_queue(0)
    many.state(halts=halts)
    many.publish_past_the_gone(*halts)
    assert many.missed(halts) == 0
    many.make_queue_again(0)
    later = blocks(3, "again")
    until(lambda: _comes_through(many, later), "the queue is received from again", 90.0)
    assert many.unlawful([*halts, *later]) == 0


def test_halts_that_are_torn_on_disk_let_nothing_through(many):
    halts = blocks(5, "torn")
    many.state(halts=halts)
    many.publish(*halts)
    assert many.missed(halts) == 0
    daemon = many.daemons[-1]
    daemon.stop(signal.SIGKILL)
    file = daemon.state / "halts.db"
    raw = file.read_bytes()
    file.write_bytes(raw[: len(raw) // 2])
    for log in daemon.state.glob("halts.db-*"):
        log.unlink()
    daemon.start()
    allowed = sum(_code_of(daemon, order) == "allowed" for order in halts for _ in range(20))
    assert allowed == 0
    assert list(daemon.state.glob("halts.db.damaged-*"))
    see(daemon)
    assert many.missed(halts) == 0
    assert many.unlawful(halts) == 0


def _comes_through(fleet_, orders):
    """Publish again what may have gone to the queue that was not there."""
    fleet_.publish_past_the_gone(*orders)
    return fleet_.missed(orders, patience=2.0) == 0


def _code_of(daemon, order):
    answer = daemon.evaluate(f"agent:{order.scope.name}", "file.read", "file:/a")
    return answer.body["context"]["code"]
