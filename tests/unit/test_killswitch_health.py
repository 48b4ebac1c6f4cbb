"""The kill switch in health and metrics: what is in force, and whether anybody would see a halt."""

import msgspec
import pytest

from sidecar.core.errors import StoreError
from sidecar.core.killswitch import Command, Kind, Origin, Proof
from sidecar.service.health_parts import Status
from sidecar.service.killswitch.health import killswitch_part
from sidecar.service.killswitch.settling import Settling
from sidecar.service.killswitch.status import Count, Sighted, SwitchStatus
from sidecar.service.ports import OutboxStatus
from tests.fakes.acking import AckHouse, order

SEEN = Sighted(received=0.2, beacon=3.0, confirmed=1.5)
FEED = SwitchStatus(Count({}, {}), SEEN, epoch=4)


@pytest.fixture
async def house(tmp_path):
    async with AckHouse(tmp_path).running() as one:
        yield one


def with_(status, **changes):
    return killswitch_part(msgspec.structs.replace(status, **changes))


def test_without_a_feed_it_is_local_and_fine():
    part = killswitch_part(SwitchStatus(Count({Kind.AGENT: 2}, {Origin.ADMIN: 2})))
    assert (part.name, part.status, part.detail) == ("killswitch", Status.OK, "")
    assert part.facts == {"mode": "local", "halts": 2, "halts_admin": 2}


def test_with_a_feed_it_tells_how_long_ago_each_sign_of_life_was():
    part = with_(FEED, refused=3)
    assert part.status is Status.OK
    assert part.facts == {
        "mode": "sighted",
        "halts": 0,
        "epoch": 4,
        "refused": 3,
        "received_seconds_ago": 0.2,
        "beacon_seconds_ago": 3.0,
        "state_seconds_ago": 1.5,
    }


def test_one_lost_eye_or_a_shared_queue_is_degraded():
    part = with_(
        FEED, sighted=Sighted(received=0.2, lost=("no beacon ever came by the queue",)), shared="others"
    )
    assert part.status is Status.DEGRADED
    assert part.detail == "no beacon ever came by the queue; others"
    assert "beacon_seconds_ago" not in part.facts


def test_what_is_not_kept_or_deleted_is_degraded_with_what_else_is_wrong():
    part = with_(FEED, unsettled=("the disk is full", "messages cannot be deleted"), shared="others")
    assert part.status is Status.DEGRADED
    assert part.detail == "the disk is full; messages cannot be deleted; others"


async def test_a_store_that_fails_shows_until_what_is_in_force_is_kept(house):
    settling = Settling(house.switch)
    house.reporter.keeping(lambda: settling.unsettled)
    house.halts.failing = StoreError("no space left on device")
    with pytest.raises(StoreError):
        await house.switch.take([order()])
    settling.owe()
    await settling.once()
    part = killswitch_part(house.reporter.status())
    assert (part.status, part.detail) == (Status.DEGRADED, "no space left on device")
    assert part.facts["halts"] == 1, "it is in force all the same"
    house.halts.failing = None
    await settling.once()
    assert killswitch_part(house.reporter.status()).status is Status.OK


def test_blind_is_failing_and_says_why():
    part = with_(FEED, why_blind="the queue is gone.", shared="others")
    assert (part.status, part.facts["mode"]) == (Status.FAILING, "blind")
    assert part.detail == "nobody sees what is halted: the queue is gone."


def test_damaged_is_failing_and_says_where_it_is_kept():
    part = with_(FEED, is_damaged=True, quarantined="halts.db.damaged-1")
    assert part.status is Status.FAILING
    assert part.detail == (
        "everything is halted: the halts that were in force cannot be read; they are kept as halts.db.damaged-1"
    )
    assert part.facts["quarantined"] == "halts.db.damaged-1"


def test_what_was_mended_is_still_pointed_to():
    part = with_(FEED, quarantined="halts.db.damaged-1")
    assert (part.status, part.facts["quarantined"]) == (Status.OK, "halts.db.damaged-1")


async def test_halts_are_counted_by_kind_and_origin_until_they_are_over_or_released(house):
    expiring = order("c-2", name="other", expires_at=house.clock.now() + 60)
    local = order("l-1", kind=Kind.TOOL, name="rm", origin=Origin.ADMIN)
    await house.switch.take([order(), expiring, local])
    halts = house.reporter.status().halts
    assert (halts.by_kind, halts.by_origin) == (
        {Kind.AGENT: 2, Kind.TOOL: 1},
        {Origin.FLEET: 2, Origin.ADMIN: 1},
    )
    assert house.counted('ascend_sidecar_killswitch_halts{kind="agent"} 2.0')
    house.clock.advance(61)
    assert house.reporter.status().halts.total == 2
    await house.switch.take([order("l-2", Command.UNBLOCK, Kind.TOOL, "rm", origin=Origin.ADMIN)])
    assert house.counted('ascend_sidecar_killswitch_halts{kind="tool"} 0.0')
    assert house.reporter.status().halts.by_origin == {Origin.FLEET: 1}


async def test_very_many_halts_are_counted_aside(house):
    many = [order(f"c-{number}", name=f"bot-{number}") for number in range(6_000)]
    house.switch.apply(many)
    assert house.reporter.status().halts.total == 6_000
    house.switch.apply([order("c-x", name="x", expires_at=house.clock.now() + 60)])
    assert house.reporter.status().halts.total == 6_000
    await house.reporter.recount()
    assert house.reporter.status().halts.total == 6_001
    house.clock.advance(61)
    await house.reporter.recount()
    assert house.reporter.status().halts.total == 6_000


async def test_orders_are_counted_by_what_came_of_them_and_timed(house):
    house.clock.advance(0.004)
    await house.switch.take([order(), order(), order("c-2", Command.UNBLOCK)])
    for line in (
        'ascend_sidecar_killswitch_orders_total{outcome="applied",proof="sns"} 1.0',
        'ascend_sidecar_killswitch_orders_total{outcome="duplicate",proof="sns"} 1.0',
        'ascend_sidecar_killswitch_orders_total{outcome="hint",proof="sns"} 1.0',
        'ascend_sidecar_killswitch_enforced_seconds_bucket{le="0.002",proof="sns"} 0.0',
        'ascend_sidecar_killswitch_enforced_seconds_bucket{le="0.005",proof="sns"} 1.0',
        'ascend_sidecar_killswitch_enforced_seconds_count{proof="sns"} 1.0',
    ):
        assert house.counted(line), line


async def test_what_fails_is_counted_by_a_bounded_number_of_words(house):
    for number in range(100):
        house.metrics.receive_failed(f"word-{number}")
        house.metrics.order_refused("unsigned")
        house.metrics.state_failed("expired")
    assert house.counted('ascend_sidecar_killswitch_refused_total{why="unsigned"} 100.0')
    assert house.counted('ascend_sidecar_killswitch_state_errors_total{why="expired"} 100.0')
    assert house.counted('ascend_sidecar_killswitch_receive_errors_total{why="word-0"} 1.0')
    assert house.counted('ascend_sidecar_killswitch_receive_errors_total{why="other"} 68.0')
    assert house.reporter.status().refused == 100


async def test_blindness_and_the_signs_of_life_are_gauges(house):
    assert house.counted("ascend_sidecar_killswitch_blind 0.0")
    assert "sign_age_seconds" not in house.metrics.render().decode()
    house.state.watch_sight(lambda: "nobody sees.")
    house.reporter.watch(lambda: SEEN, lambda: "another reads from it")
    for line in (
        "ascend_sidecar_killswitch_blind 1.0",
        "ascend_sidecar_killswitch_damaged 0.0",
        "ascend_sidecar_killswitch_queue_shared 1.0",
        'ascend_sidecar_killswitch_sign_age_seconds{sign="receive"} 0.2',
        'ascend_sidecar_killswitch_sign_age_seconds{sign="beacon"} 3.0',
        'ascend_sidecar_killswitch_sign_age_seconds{sign="state"} 1.5',
    ):
        assert house.counted(line), line


async def test_a_damaged_store_halts_everything_and_shows(tmp_path):
    (tmp_path / "halts.db").write_bytes(b"garbage" * 1000)
    async with AckHouse(tmp_path).running() as house:
        part = killswitch_part(house.reporter.status())
        assert part.status is Status.FAILING
        assert "halts.db.damaged-" in part.detail
        assert house.counted("ascend_sidecar_killswitch_damaged 1.0")


async def test_what_waits_for_the_reply_topic_is_a_gauge_where_there_is_one(house):
    assert "killswitch_replies" not in house.metrics.render().decode()
    house.metrics.watch_replies(lambda: OutboxStatus(3, 900, 7.5, 0, 0, ""))
    assert house.counted("ascend_sidecar_killswitch_replies 3.0")
    assert house.counted("ascend_sidecar_killswitch_replies_oldest_seconds 7.5")


async def test_proofs_of_orders_are_the_only_labels(house):
    await house.switch.take([order(f"c-{proof}", name=proof, proof=proof) for proof in Proof])
    lines = [
        line for line in house.metrics.render().decode().splitlines() if "killswitch_orders_total{" in line
    ]
    assert len(lines) == len(Proof)
