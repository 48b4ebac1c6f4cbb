"""The way of bundles into force around a fake source, store and log, and a turned clock."""

from collections.abc import Mapping

from sidecar.adapters.metrics_prometheus import PrometheusMetrics
from sidecar.core.bundle import Trust
from sidecar.core.judge import judge
from sidecar.core.masking import Masker
from sidecar.core.model import Caller, Code
from sidecar.service.activation import Activator
from sidecar.service.candidates import Candidates
from sidecar.service.loading import Loader
from sidecar.service.lookout import Lookout
from sidecar.service.pace import Pace
from sidecar.service.refresh import Refresher
from sidecar.service.shadow import Shadow
from sidecar.service.state import State
from tests.fakes.bundle_source import FakeBundleSource
from tests.fakes.bundle_store import FakeBundleStore
from tests.fakes.clock import TurnedClock
from tests.fakes.decision_log import FakeDecisionLog
from tests.tools.bundles import DEFAULTS, bundle, request

KEY = b"k" * 32


class FakeSupply:
    """One run of a daemon's supply; `again` is the next run on the same store and source."""

    def __init__(
        self,
        trust: Trust | None,
        content: bytes | Mapping[str, bytes] | None = None,
        *,
        now: float,
        max_staleness: float = 86_400.0,
        store: FakeBundleStore | None = None,
    ) -> None:
        self.trust = trust
        self.clock = TurnedClock(now)
        self.log = FakeDecisionLog(self.clock)
        self.metrics = PrometheusMetrics()
        self.source = FakeBundleSource(content)
        self.candidate_source = FakeBundleSource()
        self.store = store or FakeBundleStore()
        self.max_staleness = max_staleness
        self.state = State(Masker(bundle("rules: []\n").masking, KEY), max_staleness)
        loader = Loader(trust, DEFAULTS, ())
        pace = Pace(60, 0, lambda: 0.0)
        activator = Activator(self.state, self.store, self.log, self.clock, self.metrics, KEY)
        self.refresher = Refresher(
            Lookout(self.source, loader, self.store, self.clock),
            loader,
            activator,
            self.store,
            self.state,
            self.clock,
            self.metrics,
            pace,
        )
        lookout = Lookout(self.candidate_source, loader, self.store, self.clock)
        self.candidates = Candidates(lookout, self.refresher, self.clock, pace)
        self.shadow = Shadow(self.candidates, self.log, self.clock, self.metrics, 0.25)

    def again(self, content: bytes | None = None, now: float | None = None) -> "FakeSupply":
        """The next run, at once unless `now` says when."""
        now = self.clock.now() if now is None else now
        return FakeSupply(self.trust, content, now=now, max_staleness=self.max_staleness, store=self.store)

    @property
    def code(self) -> Code:
        """What is answered to `agent:a` who wants to `read`."""
        return judge(self.state.snapshot, request(), Caller(), self.clock.now()).code

    @property
    def revision(self) -> str:
        return self.state.snapshot.revision

    @property
    def events(self) -> list[dict]:
        return [record for record in self.log.records if record.get("type") == "event"]

    def counted(self, sample: str) -> bool:
        """Whether this line is in what a scrape would get."""
        return sample in self.metrics.render().decode().splitlines()
