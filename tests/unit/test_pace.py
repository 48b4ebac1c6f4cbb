"""Pace: hosts spread out, failing sources get air, sources that hold their answers are asked again soon."""

import pytest

from sidecar.core.errors import SourceUnavailable
from sidecar.service.pace import Pace

LOW, HIGH = (lambda: 0.0), (lambda: 0.999)


def test_two_hosts_with_other_luck_look_at_other_times():
    early, late = (Pace(60, 0, chance).next(0.1, is_news=False) for chance in (LOW, HIGH))
    assert early == pytest.approx(60 * 0.9 - 0.1)
    assert late > 65
    assert Pace(60, 0, HIGH).first(has_bundle=True) > Pace(60, 0, LOW).first(has_bundle=True) == 0


def test_without_a_bundle_the_first_look_is_at_once():
    assert Pace(60, 0, HIGH).first(has_bundle=False) == 0


def test_failures_wait_twice_as_long_each_time_up_to_the_poll():
    pace = Pace(60, 0, HIGH)
    waits = [round(pace.retry(SourceUnavailable("gone"))) for _ in range(9)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    low = Pace(60, 0, LOW)
    assert [low.retry(SourceUnavailable("gone")) for _ in range(3)] == [0.5, 1, 2]


def test_a_success_starts_the_waiting_anew():
    pace = Pace(60, 0, LOW)
    for _ in range(5):
        pace.retry(SourceUnavailable("gone"))
    pace.next(0, is_news=False)
    assert pace.retry(SourceUnavailable("gone")) == 0.5


def test_a_source_that_asks_for_time_gets_it():
    assert Pace(60, 0, LOW).retry(SourceUnavailable("busy", retry_after=90)) == 90
    assert Pace(60, 0, HIGH).retry(SourceUnavailable("busy", retry_after=90)) > 98


def test_a_source_that_holds_its_answer_back_is_asked_again_soon():
    pace = Pace(60, 30, HIGH)
    assert pace.next(0.1, is_news=True) <= 1  # it may turn out to hold
    assert pace.next(30, is_news=False) <= 1
    assert pace.next(3, is_news=True) <= 1


def test_a_source_that_does_not_is_asked_after_the_poll():
    pace = Pace(60, 30, LOW)
    assert pace.next(0.1, is_news=False) > 50
    assert pace.next(0.1, is_news=True) > 50
    assert pace.next(29, is_news=False) <= 1  # it does now


def test_however_it_goes_there_is_always_a_pause():
    for chance in (LOW, HIGH):
        pace = Pace(1, 1, chance)
        assert all(pace.next(0, is_news=True) > 0.3 for _ in range(5))
