"""Signs of a shared queue: which are some, which are none, and how many it takes."""

import pytest

from sidecar.core.killswitch import Command, Kind, Order, scope
from sidecar.service.killswitch.sharing import Sharing
from sidecar.service.ports import Message

LATER = 100.0


@pytest.fixture
def sharing():
    """It has run for a while without an error."""
    return Sharing(0.0)


def order(seq, agent="a1"):
    return Order(Command.BLOCK, scope(Kind.AGENT, agent), f"c{seq}", seq=seq)


def message(name, number=1):
    return Message(name, "", "h", number)


def test_numbers_without_a_gap_are_no_sign(sharing):
    assert not any(sharing.order(order(seq), LATER) for seq in range(1, 50))
    assert not sharing.is_suspected(LATER + 60)


def test_numbers_that_stay_away_are_signs(sharing):
    sharing.order(order(1), LATER)
    assert sharing.order(order(5), LATER)
    assert not sharing.is_suspected(LATER + 29), "they may have been overtaken"
    assert sharing.is_suspected(LATER + 31)


def test_numbers_that_come_late_are_none(sharing):
    for seq in (1, 5, 3, 2, 4):
        sharing.order(order(seq), LATER)
    assert not sharing.is_suspected(LATER + 31)


def test_two_missing_numbers_are_not_enough(sharing):
    sharing.order(order(1), LATER)
    sharing.order(order(4), LATER)
    assert not sharing.is_suspected(LATER + 31)


def test_scopes_count_for_themselves(sharing):
    assert not any(sharing.order(order(seq, f"a{seq}"), LATER) for seq in (1, 9, 30))


def test_numbers_that_are_times_are_no_count(sharing):
    assert not any(sharing.order(order(1_700_000_000 + leap), LATER) for leap in (0, 1000, 2000))
    assert not sharing.is_suspected(LATER + 31)


def test_orders_without_numbers_say_nothing(sharing):
    assert not sharing.order(order(None), LATER)


def test_messages_that_somebody_else_received_first_are_signs(sharing):
    for name in ("m1", "m2", "m3"):
        sharing.message(message(name, 2), LATER)
    assert sharing.is_suspected(LATER)


def test_messages_that_came_here_before_are_none(sharing):
    for name in ("m1", "m2", "m3"):
        sharing.message(message(name), LATER)
        sharing.message(message(name, 2), LATER)
    assert not sharing.is_suspected(LATER)


def test_after_an_error_or_the_start_they_are_none(sharing):
    sharing.message(message("m1", 2), 30.0)
    sharing.failed(LATER)
    for name in ("m2", "m3", "m4"):
        sharing.message(message(name, 2), LATER + 50)
    assert not sharing.is_suspected(LATER + 50)


def test_beacons_that_stay_away_though_all_goes_well_are_signs(sharing):
    assert not sharing.beacon(1000.0, LATER)
    assert not sharing.beacon(1010.0, LATER)
    assert sharing.beacon(1040.0, LATER)
    assert sharing.beacon(1070.0, LATER)
    assert not sharing.is_suspected(LATER)
    assert sharing.beacon(1100.0, LATER)
    assert sharing.is_suspected(LATER)


def test_beacons_after_an_error_are_none(sharing):
    sharing.beacon(1000.0, LATER)
    sharing.failed(LATER)
    assert not sharing.beacon(2000.0, LATER + 1)


def test_suspicion_ends_when_signs_stay_away(sharing):
    for name in ("m1", "m2", "m3"):
        sharing.message(message(name, 2), LATER)
    assert sharing.is_suspected(LATER + 599)
    assert not sharing.is_suspected(LATER + 601)


def test_what_is_remembered_is_bounded(sharing):
    for number in range(11_000):
        sharing.message(message(f"m{number}"), LATER)
        sharing.order(order(1, f"a{number}"), LATER)
        sharing.order(order(3, f"a{number}"), LATER)
    sizes = [len(known) for known in (sharing._ids, sharing._highest, sharing._missing)]
    assert sizes == [10_000] * 3


def test_beacons_may_come_as_seldom_as_the_host_takes_for_a_gap():
    sharing = Sharing(0.0, beacon_gap=60.0)
    assert not sharing.beacon(LATER, LATER)
    assert not sharing.beacon(LATER + 60, LATER + 60)
    assert sharing.beacon(LATER + 121, LATER + 121)
