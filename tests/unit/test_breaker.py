"""The circuit breaker: when it opens, whom it lets probe, and what closes it."""

import pytest

from sidecar.core.breaker import Breaker, Limits, Outcome, Phase, ask, report

OK, BAD, NOTHING = Outcome.SUCCESS, Outcome.FAILURE, Outcome.NOTHING


def after(breaker, outcome, now):
    breaker, ticket = ask(breaker, now)
    assert ticket is not None
    return report(breaker, ticket, outcome, now)


def opened(now=0.0):
    breaker = Breaker()
    for _ in range(5):
        breaker = after(breaker, BAD, now)
    return breaker


def probing(now=30.0):
    breaker, ticket = ask(opened(), now)
    assert ticket is not None
    return breaker, ticket


def test_four_failures_leave_it_closed_and_the_fifth_opens_it():
    breaker = Breaker()
    for _ in range(4):
        breaker = after(breaker, BAD, 0)
    assert breaker.phase is Phase.CLOSED
    assert after(breaker, BAD, 0).phase is Phase.OPEN


def test_failures_count_only_in_a_row():
    breaker = Breaker()
    for outcome in [BAD, BAD, BAD, BAD, OK] * 3:
        breaker = after(breaker, outcome, 0)
    assert breaker == Breaker()


def test_a_call_that_learnt_nothing_neither_counts_nor_clears():
    breaker = Breaker()
    for outcome in [BAD, BAD, NOTHING, BAD, BAD]:
        breaker = after(breaker, outcome, 0)
    assert breaker.failures == 4
    assert after(breaker, BAD, 0).phase is Phase.OPEN


@pytest.mark.parametrize("now", [0, 1, 29.999])
def test_while_it_rests_nothing_goes_through(now):
    assert ask(opened(), now) == (opened(), None)


def test_after_the_rest_one_probe_goes_through_and_no_second():
    breaker, _ = probing()
    assert breaker.phase is Phase.HALF_OPEN
    assert ask(breaker, 31) == (breaker, None)


def test_the_success_of_the_probe_closes():
    breaker, ticket = probing()
    closed = report(breaker, ticket, OK, 31)
    assert (closed.phase, closed.failures) == (Phase.CLOSED, 0)


def test_the_failure_of_the_probe_opens_for_another_rest():
    breaker, ticket = probing()
    again = report(breaker, ticket, BAD, 31)
    assert again.phase is Phase.OPEN
    assert ask(again, 60.9)[1] is None
    assert ask(again, 61)[1] is not None


def test_a_probe_that_learnt_nothing_makes_room_for_the_next_at_once():
    breaker, ticket = probing()
    breaker = report(breaker, ticket, NOTHING, 31)
    assert breaker.phase is Phase.OPEN
    assert ask(breaker, 31)[1] is not None


def test_a_probe_that_is_never_heard_of_again_is_given_up_as_a_failure():
    breaker, _ = probing(30)
    given_up, ticket = ask(breaker, 40)
    assert (given_up.phase, ticket) == (Phase.OPEN, None)
    assert ask(given_up, 70)[1] is not None


def test_the_success_of_a_probe_that_was_given_up_closes_nothing():
    breaker, ticket = probing(30)
    assert report(breaker, ticket, OK, 40).phase is Phase.OPEN
    given_up, _ = ask(breaker, 40)
    assert report(given_up, ticket, OK, 41) == given_up


def test_what_left_before_it_opened_tells_nothing_of_the_time_after():
    _, early = ask(Breaker(), 0)
    assert report(opened(), early, OK, 1) == opened()
    breaker, _ = probing()
    for outcome in Outcome:
        assert report(breaker, early, outcome, 31) == breaker


def test_failures_from_before_do_not_count_against_one_that_closed_again():
    _, early = ask(Breaker(), 0)
    breaker, ticket = probing()
    closed = report(breaker, ticket, OK, 31)
    assert report(closed, early, BAD, 32) == closed


def test_a_clock_that_is_set_back_makes_it_rest_anew_and_not_for_ever():
    breaker, ticket = ask(opened(1000), 10)
    assert (breaker.phase, breaker.since, ticket) == (Phase.OPEN, 10, None)
    assert ask(breaker, 40)[1] is not None


def test_a_clock_that_is_set_back_does_not_make_a_probe_immortal():
    breaker, _ = probing(1000)
    breaker, ticket = ask(breaker, 10)
    assert (breaker.phase, ticket) == (Phase.HALF_OPEN, None)
    assert ask(breaker, 20)[0].phase is Phase.OPEN


def test_the_limits_are_those_given():
    limits = Limits(failures=1, rest=2, patience=1)
    breaker = report(Breaker(), 0, BAD, 0, limits)
    assert breaker.phase is Phase.OPEN
    assert ask(breaker, 1.9, limits)[1] is None
    breaker, ticket = ask(breaker, 2, limits)
    assert ticket is not None
    assert ask(breaker, 3, limits)[0].phase is Phase.OPEN
