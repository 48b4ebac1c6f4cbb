"""The services around a fake log and a turned clock: everything real but disk and time."""

from collections.abc import Callable

from sidecar.adapters.metrics_prometheus import PrometheusMetrics
from sidecar.core.masking import Masker
from sidecar.core.model import Caller, Decision, Door
from sidecar.core.record import Trace
from sidecar.service.admission import Admission
from sidecar.service.approvals import Approvals
from sidecar.service.asked import Asked
from sidecar.service.ballots import Ballots
from sidecar.service.decide import Decider
from sidecar.service.earlier import Earlier
from sidecar.service.halting import Halting
from sidecar.service.killswitch.roster import Roster
from sidecar.service.orchestration import Orchestration
from sidecar.service.outcomes import Outcomes
from sidecar.service.repeats import Repeats
from sidecar.service.scoring import Scoring
from sidecar.service.state import State
from sidecar.service.waiting import Waiting
from tests.fakes.approval_store import FakeApprovalStore
from tests.fakes.clock import TurnedClock
from tests.fakes.decision_log import FakeDecisionLog
from tests.fakes.platform import FakePlatform
from tests.tools.bundles import bundle, request

KEY = b"k" * 32


class House:
    """`log` can be told to fail or to hang; `use` swaps in other policies."""

    def __init__(
        self, rules: str, in_flight: int = 1024, holds: int = 10_000, *, platform: bool = False, **data: str
    ) -> None:
        self.listeners: list[Callable[[Asked, Decision, int], None]] = []
        self.clock = TurnedClock()
        self.log = FakeDecisionLog(self.clock)
        self.metrics = PrometheusMetrics()
        first = bundle(rules, **data)
        self.state = State(Masker(first.masking, KEY))
        self.state.activate(first, Masker(first.masking, KEY), self.clock.now())
        self.store = FakeApprovalStore()
        self.halting = Halting(self.state, self.clock)
        self.approvals = Approvals(self.store, self.log, self.clock, self.halting, 0.25, holds)
        self.earlier = Earlier(self.approvals.book, self.halting)
        self.platform = FakePlatform()
        self.scoring = Scoring(self.platform if platform else None, self.clock, 3.0)
        self.in_flight = in_flight
        self.roster: Roster | None = None
        self.ballots = Ballots(self.approvals, self.state, self.log, self.clock)
        self.forget()

    def forget(self) -> None:
        """Make those who decide anew, as a restart does: they know what is in the log and the book."""
        self.orchestration = Orchestration(self.log, self.approvals.book, 0.25)
        self.decider = Decider(
            self.state,
            self.log,
            self.clock,
            self.metrics,
            self.approvals,
            self.scoring,
            self.orchestration,
            Admission(self.in_flight),
            0.25,
            self._answered,
            self.roster,
        )
        self.outcomes = Outcomes(self.log, self.decider, self.approvals, self.state, self.clock, 0.25)
        self.waiting = Waiting(self.outcomes, self.approvals.book, self.clock, 50.0)
        self.repeats = Repeats(self.decider, self.state, self.clock)

    def _answered(self, asked: Asked, decision: Decision, seq: int) -> None:
        for listener in self.listeners:
            listener(asked, decision, seq)

    def use(self, rules: str, **data: str) -> None:
        other = bundle(rules, **data)
        self.state.activate(other, Masker(other.masking, KEY), self.clock.now())

    def counted(self, sample: str) -> bool:
        """Whether this line is in what a scrape would get."""
        return sample in self.metrics.render().decode().splitlines()


def asked(caller: Caller = Caller(), correlation_id: str = "", **parts) -> Asked:
    return Asked(request(**parts), caller, Door.ASCEND, Trace(correlation_id=correlation_id))
