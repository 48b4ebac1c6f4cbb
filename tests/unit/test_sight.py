"""Sight: what must have been seen, and how lately, for anything to be decided."""

import asyncio

import pytest

from sidecar.service.killswitch.sight import Sight
from sidecar.service.killswitch.status import Sighted
from tests.fakes.audit import until
from tests.fakes.clock import TurnedClock

BLIND_AFTER = 10.0


class Eyes:
    """A sight with its clock, and all that its listener was told."""

    def __init__(self, *, has_queue=True, has_state=True, skew=60.0, **more):
        self.clock = TurnedClock()
        self.told = []
        self.sight = Sight(
            self.clock.monotonic,
            self.clock.now,
            has_queue=has_queue,
            has_state=has_state,
            blind_after=BLIND_AFTER,
            skew=skew,
            **more,
        )
        self.sight.on_change(self.told.append)

    @property
    def why(self):
        return self.sight.blind_because()

    def beacon(self, age=0.0):
        self.sight.beacon(self.clock.now() - age)


def test_without_a_feed_there_is_nothing_to_be_blind_to():
    eyes = Eyes(has_queue=False, has_state=False)
    eyes.clock.advance(1e6)
    assert eyes.why == ""


def test_it_begins_closed_and_says_what_was_never_seen():
    never = "nothing was ever received from the queue and the authoritative state was never read"
    assert Eyes().why == f"Nobody can say what is halted: {never}."
    assert "queue" not in Eyes(has_queue=False).why
    assert "state" not in Eyes(has_state=False).why


@pytest.mark.parametrize("order", ["state-first", "queue-first"])
def test_both_eyes_must_see_once_before_it_opens(order):
    eyes = Eyes()
    steps = [eyes.sight.confirmed, eyes.sight.received]
    for step in steps if order == "state-first" else steps[::-1]:
        assert eyes.why
        step()
    assert eyes.why == ""


def test_a_beacon_is_no_authoritative_state():
    eyes = Eyes()
    eyes.sight.received()
    eyes.beacon()
    assert eyes.why == "Nobody can say what is halted: the authoritative state was never read."


def test_a_queue_alone_needs_a_beacon_too():
    eyes = Eyes(has_state=False)
    eyes.sight.received()
    assert eyes.why == "Nobody can say what is halted: no beacon ever came by the queue."
    eyes.beacon()
    assert eyes.why == ""


def test_a_state_alone_is_enough_until_it_is_old():
    eyes = Eyes(has_queue=False)
    eyes.sight.confirmed()
    eyes.clock.advance(9.9)
    assert eyes.why == ""
    eyes.clock.advance(0.1)
    assert eyes.why == (
        "Nobody can say what is halted: for more than 10 s the authoritative state could not be read."
    )


def test_once_open_one_eye_is_enough():
    eyes = _open()
    for _ in range(5):
        eyes.clock.advance(6)
        eyes.sight.confirmed()
    assert eyes.why == ""
    eyes.beacon()
    for _ in range(3):
        eyes.clock.advance(8)
        eyes.sight.received()
        assert eyes.why == ""


def test_the_queue_is_not_seen_without_receiving_however_young_the_beacon():
    eyes = _open()
    eyes.clock.advance(9)
    eyes.beacon()
    eyes.clock.advance(1)
    assert eyes.why.startswith("Nobody can say what is halted: for more than 10 s nothing could be received")


def test_the_queue_is_not_seen_without_beacons_however_often_it_answers():
    eyes = _open()
    eyes.beacon()
    for _ in range(25):
        assert eyes.why == ""
        eyes.clock.advance(1)
        eyes.sight.received()
    assert "for more than 25 s no beacon came by the queue" in eyes.why


def test_what_was_answered_is_as_old_as_the_question():
    eyes = Eyes(has_queue=False)
    eyes.sight.confirmed(eyes.clock.monotonic() - 10)
    assert eyes.why
    eyes.sight.confirmed(eyes.clock.monotonic() - 4)
    eyes.clock.advance(5.9)
    assert eyes.why == ""
    eyes.clock.advance(0.1)
    assert eyes.why


def test_an_old_answer_does_not_take_the_place_of_a_newer_one():
    eyes = Eyes(has_queue=False)
    eyes.sight.confirmed()
    eyes.sight.confirmed(eyes.clock.monotonic() - 9)
    eyes.clock.advance(5)
    assert eyes.why == ""


@pytest.mark.parametrize(("age", "counts"), [(85.0, True), (85.1, False), (-60.0, True), (-60.1, False)])
def test_a_beacon_counts_if_our_clocks_agree_on_its_time(age, counts):
    eyes = Eyes(has_state=False)
    eyes.sight.received()
    eyes.beacon(age)
    assert (eyes.why == "") is counts


def test_a_beacon_that_was_seen_or_overtaken_proves_nothing():
    eyes = Eyes(has_state=False)
    issued_at = eyes.clock.now()
    eyes.sight.received()
    eyes.sight.beacon(issued_at)
    eyes.clock.advance(26)
    eyes.sight.received()
    eyes.sight.beacon(issued_at)
    eyes.sight.beacon(issued_at - 1)
    assert "no beacon" in eyes.why
    eyes.beacon()
    assert eyes.why == ""


def test_the_sentence_stays_the_same_while_nothing_is_seen():
    eyes = _open()
    eyes.clock.advance(11)
    first = eyes.why
    eyes.clock.advance(1000)
    assert eyes.why is first


def test_people_are_told_what_was_seen_how_long_ago_and_what_is_missing():
    eyes = Eyes()
    eyes.sight.received()
    eyes.clock.advance(3)
    eyes.sight.confirmed()
    eyes.clock.advance(8)
    assert eyes.sight.signs() == Sighted(
        11, None, 8, ("for more than 10 s nothing could be received from the queue",)
    )


def test_listeners_are_told_once_of_each_change():
    eyes = _open()
    eyes.sight.notice()
    assert eyes.told == [""]
    eyes.clock.advance(11)
    eyes.sight.notice()
    eyes.sight.notice()
    assert eyes.told == ["", eyes.why]
    eyes.sight.confirmed()
    assert eyes.told[2:] == [""]


async def test_it_notices_by_itself_that_nobody_sees_any_more():
    eyes = _open()
    task = asyncio.create_task(eyes.sight.run())
    await asyncio.sleep(0)
    eyes.clock.advance(11)
    await until(lambda: len(eyes.told) == 2)
    task.cancel()
    assert eyes.told[1] == eyes.why


def _open():
    eyes = Eyes()
    eyes.sight.confirmed()
    eyes.sight.received()
    return eyes


def test_beacons_that_come_less_often_need_a_longer_gap():
    eyes = Eyes(has_state=False, skew=0.0, beacon_gap=60.0)
    eyes.sight.received()
    eyes.beacon(age=59.0)
    for seconds in (30, 29):
        eyes.clock.advance(seconds)
        eyes.sight.received()
        assert eyes.why == ""
    eyes.clock.advance(1)
    eyes.sight.received()
    assert "for more than 60 s no beacon came" in eyes.why
    eyes.beacon(age=61.0)
    assert eyes.why
