"""Repeating: what is asked again, after how long, and never beyond the time that is left."""

import itertools

import pytest

from sidecar.adapters.platform_http.repeating import Repeating
from sidecar.adapters.platform_http.replies import Again, Attempt
from sidecar.core.platform import Reason, Unavailable
from sidecar.service.ports import CallersHeaders, PlatformCall

LOW, HIGH = (lambda: 0.0), (lambda: 0.999)
GET = PlatformCall("GET", "/x")
KEYED = PlatformCall("POST", "/x", correlation_id="c")
BARE = PlatformCall("POST", "/x")
PASSED_ON = PlatformCall("GET", "/x", correlation_id="c", sender=CallersHeaders({}))


def pause(call=GET, again=Again.IF_SAFE, repeats=0, left=60.0, after=0.0, chance=HIGH):
    attempt = Attempt(Unavailable(Reason.BUSY, 429), again, after)
    return Repeating(chance).pause(call, attempt, repeats, left)


@pytest.mark.parametrize(
    ("call", "again", "expected"),
    [
        *zip(itertools.repeat(GET), Again, [False, True, True], strict=False),
        *zip(itertools.repeat(KEYED), Again, [False, True, True], strict=False),
        *zip(itertools.repeat(BARE), Again, [False, False, True], strict=False),
        *zip(itertools.repeat(PASSED_ON), Again, [False, False, False], strict=False),
    ],
)
def test_what_is_made_again(call, again, expected):
    assert (pause(call, again) is not None) is expected


def test_each_pause_is_twice_the_last_and_half_of_it_is_chance():
    assert [pause(repeats=number, chance=LOW) for number in range(3)] == [0.05, 0.1, 0.2]
    assert [round(pause(repeats=number), 2) for number in range(3)] == [0.1, 0.2, 0.4]


def test_there_are_three_repeats():
    assert pause(repeats=2) is not None
    assert pause(repeats=3) is None


def test_what_the_platform_asks_for_is_kept_to_if_there_is_time():
    assert pause(after=2.0, left=2.1) == 2.0
    assert pause(after=2.0, left=2.0) is None
    assert pause(after=3600.0, left=3.0) is None
    assert pause(after=0.01, chance=LOW) == 0.05


@pytest.mark.parametrize("left", [0.0, -1.0, 0.04])
def test_without_time_left_there_is_no_repeat(left):
    assert pause(left=left, chance=LOW) is None
