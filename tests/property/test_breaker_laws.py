"""Breaker laws, over every order of calls, reports and clocks, also clocks that go back."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sidecar.core.breaker import Breaker, Limits, Outcome, Phase, ask, report

LIMITS = Limits(failures=3, rest=30.0, patience=10.0)
STEPS = st.sampled_from([-100.0, -1.0, 0.0, 0.5, 5.0, 9.5, 10.0, 29.5, 30.0, 100.0])


class BreakerLaws(RuleBasedStateMachine):
    """`calls` went through and are not reported on yet; `probe` is the one among them that the phase waits for."""

    def __init__(self):
        super().__init__()
        self.breaker, self.now = Breaker(), 0.0
        self.calls: list[int] = []
        self.probe: int | None = None

    def take(self, breaker):
        if breaker.phase is not Phase.HALF_OPEN:
            self.probe = None
        self.breaker = breaker

    @rule(step=STEPS)
    def time_passes(self, step):
        self.now += step

    @rule()
    def a_call_asks(self):
        before = self.breaker
        breaker, ticket = ask(before, self.now, LIMITS)
        self.take(breaker)
        if before.phase is Phase.CLOSED:
            assert ticket is not None
        elif ticket is not None:
            assert self.probe is None, "a second probe"
            assert before.phase is Phase.OPEN
            assert self.now - before.since >= LIMITS.rest
            self.probe = ticket
        if ticket is not None:
            self.calls.append(ticket)

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), outcome=st.sampled_from(Outcome))
    def a_call_reports(self, data, outcome):
        ticket = self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))
        before, was_probe = self.breaker, ticket == self.probe
        after = report(before, ticket, outcome, self.now, LIMITS)
        if after.phase is Phase.CLOSED and before.phase is not Phase.CLOSED:
            assert was_probe
            assert outcome is Outcome.SUCCESS
        if was_probe and outcome is Outcome.FAILURE:
            assert after.phase is Phase.OPEN
        self.take(after)

    @invariant()
    def closed_means_too_few_failures(self):
        if self.breaker.phase is Phase.CLOSED:
            assert self.breaker.failures < LIMITS.failures

    @invariant()
    def it_always_comes_back(self):
        """Whatever happened, and whatever the clock says, a probe goes once patience and rest are over."""
        breaker, _ = ask(self.breaker, self.now, LIMITS)
        breaker, ticket = ask(breaker, self.now + LIMITS.patience, LIMITS)
        if ticket is None:
            _, ticket = ask(breaker, self.now + LIMITS.patience + LIMITS.rest, LIMITS)
        assert ticket is not None


TestBreakerLaws = BreakerLaws.TestCase
