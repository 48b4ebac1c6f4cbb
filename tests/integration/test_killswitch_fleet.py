"""A few daemons with a queue each, on a server of SNS and SQS, from the order to the denied decision."""

import json
import signal

import pytest

from tests.tools.daemon import until
from tests.tools.fleet import blocks, fleet, in_force, see, shuffled, unblocks
from tests.tools.moto_process import moto_process


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    with moto_process() as server, fleet(tmp_path_factory.mktemp("fleet"), server.url, 2) as made:
        yield made


def test_an_order_reaches_every_daemon_and_is_on_record_with_its_signer(two):
    (order,) = blocks(1, "recorded")
    two.publish(order)
    assert two.missed([order]) == 0
    assert two.unlawful([order]) == 0
    until(lambda: two.left() == 0, "every daemon has deleted it")
    for daemon in two.daemons:
        (record,) = [one for one in _records(daemon) if one["order"]["scope"]["name"] == "recorded-0"]
        assert record["order"]["issued_by"] == "fleet"
        assert record["order"]["signer"]
        assert record["outcome"] == "applied"
        assert record["order"]["received_at"] <= record["enforced_at"] <= record["stored_at"]


def test_duplicates_and_releases_in_any_order_release_nothing(two):
    halts = blocks(20, "shuffled")
    two.publish(*shuffled([*halts, *unblocks(halts)], seed=3))
    assert two.missed(halts) == 0
    until(lambda: two.left() == 0, "every message was taken")
    assert two.unlawful(halts) == 0


def test_the_authority_releases_what_it_says_and_nothing_else(two):
    halts = blocks(6, "released")
    two.publish(*halts)
    assert two.missed(halts) == 0
    two.state(halts=halts[3:], released=unblocks(halts[:3]))
    two.publish(*unblocks(halts[:3]))  # a hint: read the state now
    for daemon in two.daemons:
        until(lambda daemon=daemon: not in_force(daemon) & _names(halts[:3]), "the state was read")
    assert two.missed(halts[3:]) == 0
    assert two.unlawful(halts[3:]) == 0
    assert two.unlawful(halts[:3]) == 2 * 3


def test_a_daemon_that_is_killed_amid_orders_enforces_all_of_them_when_it_is_back(two):
    halts = blocks(30, "killed")
    for start in range(0, 30, 10):
        two.publish(*halts[start : start + 10])
        two.daemons[0].stop(signal.SIGKILL)
        two.daemons[0].start()
        see(two.daemons[0])
    assert two.missed(halts) == 0
    assert two.unlawful(halts) == 0
    until(lambda: two.left() == 0, "every daemon has deleted them")


def _names(orders):
    return {(order.scope.kind.value, order.scope.name) for order in orders}


def _records(daemon):
    lines = b"".join(path.read_bytes() for path in sorted((daemon.state / "audit").glob("*.jsonl")))
    found = [json.loads(line) for line in lines.split(b"\n") if line.startswith(b"{")]
    return [record for record in found if record["type"] == "kill_switch_order"]
