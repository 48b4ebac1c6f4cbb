"""Metrics in the Prometheus text format. Counting is a dictionary's increment; the families are made at a scrape."""

from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from sidecar import __version__
from sidecar.adapters.metrics_prometheus.histograms import Observed, filled, observe
from sidecar.adapters.metrics_prometheus.killswitch import KillSwitchMetrics
from sidecar.core.breaker import Phase
from sidecar.core.bundle import Bundle
from sidecar.core.killswitch import Order
from sidecar.core.killswitch.book import Outcome
from sidecar.core.model import Code, Decision, Door, Verdict
from sidecar.core.owed import Kind
from sidecar.service.killswitch.status import SwitchStatus
from sidecar.service.ports import LogStatus, OutboxStatus
from sidecar.service.watched_platform import PlatformStatus

_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_PLATFORM_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0)


class PrometheusMetrics(Collector):
    """The Metrics port, and the text that a scrape gets."""

    def __init__(self) -> None:
        self._decided: Counter[tuple[str, str, str]] = Counter()
        self._unrecorded: Counter[tuple[str, str]] = Counter()
        self._gateway_refused: Counter[str] = Counter()
        self._ungoverned = 0
        self._seconds: Observed = {}
        self._refused: Counter[str] = Counter()
        self._unstored = 0
        self._shadowed: Counter[tuple[str, str]] = Counter()
        self._shadow_dropped = 0
        self._condition_errors = 0
        self._delivered: Counter[str] = Counter()
        self._dropped: Counter[tuple[str, str]] = Counter()
        self._outbox_status: Callable[[], OutboxStatus] | None = None
        self._bundle: Bundle | None = None
        self._activated_at = 0.0
        self._checked_at = 0.0
        self._platform_calls: Counter[tuple[str, str]] = Counter()
        self._platform_seconds: Observed = {}
        self._platform_status: Callable[[], PlatformStatus] | None = None
        self._log_status: Callable[[], LogStatus] | None = None
        self._killswitch = KillSwitchMetrics()
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def decided(self, decision: Decision, door: Door, seconds: float) -> None:
        self._decided[decision.verdict.word, decision.code, door] += 1
        if decision.errors:
            self._condition_errors += len(decision.errors)
        observe(self._seconds, door, seconds, _BUCKETS)

    def unrecorded(self, code: Code, door: Door) -> None:
        self._unrecorded[code, door] += 1

    def gateway_refused(self, why: str) -> None:
        self._gateway_refused[why] += 1

    def ungoverned(self, count: int) -> None:
        self._ungoverned += count

    def bundle_activated(self, bundle: Bundle, now: float) -> None:
        self._bundle, self._activated_at = bundle, now

    def bundle_checked(self, now: float) -> None:
        self._checked_at = now

    def bundle_refused(self, kind: str) -> None:
        self._refused[kind] += 1

    def bundle_unstored(self) -> None:
        self._unstored += 1

    def shadowed(self, given: Verdict, candidate: Verdict) -> None:
        self._shadowed[given.word, candidate.word] += 1

    def shadow_dropped(self) -> None:
        self._shadow_dropped += 1

    def owed_delivered(self, kind: Kind) -> None:
        self._delivered[kind] += 1

    def owed_dropped(self, kind: Kind, why: str) -> None:
        self._dropped[kind, why] += 1

    def watch_outbox(self, status: Callable[[], OutboxStatus]) -> None:
        """Where the outbox's gauges come from at a scrape; without it there are none."""
        self._outbox_status = status

    def platform_asked(self, call: str, outcome: str, seconds: float) -> None:
        self._platform_calls[call, outcome] += 1
        observe(self._platform_seconds, call, seconds, _PLATFORM_BUCKETS)

    def watch_platform(self, status: Callable[[], PlatformStatus]) -> None:
        """Where the platform's gauges come from at a scrape."""
        self._platform_status = status

    @property
    def orders_refused(self) -> int:
        """How many messages of the kill switch were not believed."""
        return self._killswitch.refused

    def order_taken(self, order: Order, outcome: Outcome, now: float) -> None:
        self._killswitch.order_taken(order, outcome, now)

    def order_refused(self, why: str) -> None:
        self._killswitch.order_refused(why)

    def receive_failed(self, why: str) -> None:
        self._killswitch.receive_failed(why)

    def state_failed(self, why: str) -> None:
        self._killswitch.state_failed(why)

    def order_acknowledged(self, to: str) -> None:
        self._killswitch.order_acknowledged(to)

    def watch_killswitch(self, status: Callable[[], SwitchStatus]) -> None:
        """Where the kill switch's gauges come from at a scrape."""
        self._killswitch.status = status

    def watch_replies(self, status: Callable[[], OutboxStatus]) -> None:
        """Where those of the reply topic come from; without it there are none."""
        self._killswitch.replies = status

    def watch_log(self, status: Callable[[], LogStatus]) -> None:
        """Where the audit gauges come from at a scrape."""
        self._log_status = status

    def render(self) -> bytes:
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        yield from self._decision_families()
        yield from self._bundle_families()
        yield from self._shadow_families()
        if self._log_status is not None:
            yield from _log_families(self._log_status())
        if self._outbox_status is not None:
            yield from _outbox_families(self._outbox_status())
        yield from self._owed_families()
        if self._platform_status is not None:
            yield from self._platform_families(self._platform_status())
        yield from self._killswitch.families()
        build = GaugeMetricFamily("ascend_sidecar_build_info", "The running version.", labels=["version"])
        build.add_metric([__version__], 1)
        yield build

    def _decision_families(self) -> Iterator[Metric]:
        labels = ["verdict", "code", "door"]
        decided = CounterMetricFamily(
            "ascend_sidecar_decisions", "Decisions given, by verdict.", labels=labels
        )
        for (verdict, code, door), count in self._decided.items():
            decided.add_metric([verdict, code, door], count)
        yield decided
        unrecorded = CounterMetricFamily(
            "ascend_sidecar_unrecorded_denies", "Denies that left without a record.", labels=["code", "door"]
        )
        for (code, door), count in self._unrecorded.items():
            unrecorded.add_metric([code, door], count)
        yield unrecorded
        refused = CounterMetricFamily(
            "ascend_sidecar_gateway_refusals", "Gateways refused without a decision.", labels=["why"]
        )
        for why, count in self._gateway_refused.items():
            refused.add_metric([why], count)
        yield refused
        yield CounterMetricFamily(
            "ascend_sidecar_ungoverned_actions",
            "Actions that went ahead because no daemon was reached, as their agents told afterwards.",
            self._ungoverned,
        )
        yield self._latency()
        yield CounterMetricFamily(
            "ascend_sidecar_condition_errors", "Policy conditions that erred.", self._condition_errors
        )

    def _latency(self) -> Metric:
        family = HistogramMetricFamily(
            "ascend_sidecar_decision_seconds", "From request to durable decision.", labels=["door"]
        )
        return filled(family, self._seconds, _BUCKETS)

    def _platform_families(self, status: PlatformStatus) -> Iterator[Metric]:
        calls = CounterMetricFamily(
            "ascend_sidecar_platform_calls",
            "Calls to the platform: answered, or why not.",
            labels=["call", "outcome"],
        )
        for (call, outcome), count in self._platform_calls.items():
            calls.add_metric([call, outcome], count)
        yield calls
        seconds = HistogramMetricFamily(
            "ascend_sidecar_platform_seconds", "How long calls to the platform took.", labels=["call"]
        )
        yield filled(seconds, self._platform_seconds, _PLATFORM_BUCKETS)
        breaker = GaugeMetricFamily(
            "ascend_sidecar_platform_breaker", "1 for the phase that the breaker is in.", labels=["phase"]
        )
        for phase in Phase:
            breaker.add_metric([phase.value], float(phase is status.phase))
        yield breaker
        yield CounterMetricFamily(
            "ascend_sidecar_platform_open_decisions",
            "Actions that went ahead ungoverned during an outage, as the policy lets them.",
            status.proceeded,
        )

    def _bundle_families(self) -> Iterator[Metric]:
        labels = ["name", "revision", "digest", "source", "signer"]
        info = GaugeMetricFamily("ascend_sidecar_bundle_info", "The active bundle.", labels=labels)
        bundle = self._bundle
        signed = bundle.signed if bundle else None
        if bundle:
            signers = ",".join(signed.signers) if signed else ""
            info.add_metric([bundle.name, bundle.revision, bundle.digest, bundle.source, signers], 1)
        yield info
        moments = {
            "activated": ("When the active bundle came into force.", self._activated_at),
            "checked": ("When the source was last known to have nothing newer.", self._checked_at),
            "issued": ("When the active bundle was issued.", signed.issued_at if signed else 0.0),
            "expires": ("When the active bundle expires; 0 is never.", signed.expires_at if signed else 0.0),
        }
        for name, (text, at) in moments.items():
            yield GaugeMetricFamily(f"ascend_sidecar_bundle_{name}_timestamp_seconds", text, at)
        revision = signed.revision if signed else 0
        yield GaugeMetricFamily(
            "ascend_sidecar_bundle_revision", "Of the active bundle, 0 unsigned.", revision
        )
        refusals = CounterMetricFamily(
            "ascend_sidecar_bundle_refusals", "Bundles, or looks for one, that failed.", labels=["reason"]
        )
        for kind, count in self._refused.items():
            refusals.add_metric([kind], count)
        yield refusals
        yield CounterMetricFamily(
            "ascend_sidecar_bundle_unstored", "Bundles in force that could not be stored.", self._unstored
        )

    def _shadow_families(self) -> Iterator[Metric]:
        compared = CounterMetricFamily(
            "ascend_sidecar_shadow_decisions",
            "Decisions compared with a candidate bundle, by both verdicts.",
            labels=["verdict", "candidate"],
        )
        for (given, candidate), count in self._shadowed.items():
            compared.add_metric([given, candidate], count)
        yield compared
        yield CounterMetricFamily(
            "ascend_sidecar_shadow_dropped", "Decisions not compared for want of time.", self._shadow_dropped
        )

    def _owed_families(self) -> Iterator[Metric]:
        delivered = CounterMetricFamily(
            "ascend_sidecar_outbox_delivered",
            "Items that the platform or the reply topic was told.",
            labels=["kind"],
        )
        for kind, count in self._delivered.items():
            delivered.add_metric([kind], count)
        yield delivered
        dropped = CounterMetricFamily(
            "ascend_sidecar_outbox_dropped", "Items that they never will be told.", labels=["kind", "why"]
        )
        for (kind, why), count in self._dropped.items():
            dropped.add_metric([kind, why], count)
        yield dropped


def _log_families(status: LogStatus) -> Iterator[Metric]:
    gauges = {
        "audit_writable": ("1 while records can be written.", float(status.writable)),
        "audit_records": ("Records in the log.", float(status.size)),
        "audit_bytes": ("Bytes of log segments on disk.", float(status.bytes)),
        "audit_lag_seconds": ("Age of the oldest record that is not yet durable.", status.lag),
        "audit_checkpoint_size": (
            "Records under the newest signed checkpoint.",
            float(status.checkpoint_size),
        ),
    }
    for name, (text, value) in gauges.items():
        yield GaugeMetricFamily(f"ascend_sidecar_{name}", text, value)


def _outbox_families(status: OutboxStatus) -> Iterator[Metric]:
    gauges = {
        "items": ("What the platform has yet to be told.", float(status.count)),
        "bytes": ("What that takes up.", float(status.bytes)),
        "oldest_seconds": ("Age of the oldest item.", status.oldest),
    }
    for name, (text, value) in gauges.items():
        yield GaugeMetricFamily(f"ascend_sidecar_outbox_{name}", text, value)
