"""The kill switch in numbers: what came, what is in force, how long since each sign of life."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from sidecar.adapters.metrics_prometheus.histograms import Observed, filled, observe
from sidecar.core.killswitch import Kind, Order
from sidecar.core.killswitch.book import Outcome
from sidecar.service.killswitch.status import Sighted, SwitchStatus
from sidecar.service.ports import OutboxStatus

_PREFIX: Final = "ascend_sidecar_killswitch"
_BUCKETS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
_OTHER: Final = "other"
_WORDS: Final = 32


class KillSwitchMetrics:
    """Counted since the start. Words for what went wrong are few: what exceeds 32 is counted as `other`."""

    def __init__(self) -> None:
        self._taken: Counter[tuple[str, str]] = Counter()
        self._refused: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._state_failed: Counter[str] = Counter()
        self._acknowledged: Counter[str] = Counter()
        self._seconds: Observed = {}
        self.status: Callable[[], SwitchStatus] | None = None
        self.replies: Callable[[], OutboxStatus] | None = None

    @property
    def refused(self) -> int:
        return self._refused.total()

    def order_taken(self, order: Order, outcome: Outcome, now: float) -> None:
        self._taken[outcome, order.proof] += 1
        if outcome is Outcome.APPLIED and order.received_at:
            observe(self._seconds, order.proof, max(0.0, now - order.received_at), _BUCKETS)

    def order_refused(self, why: str) -> None:
        self._refused[_bounded(self._refused, why)] += 1

    def receive_failed(self, why: str) -> None:
        self._failed[_bounded(self._failed, why)] += 1

    def state_failed(self, why: str) -> None:
        self._state_failed[_bounded(self._state_failed, why)] += 1

    def order_acknowledged(self, to: str) -> None:
        self._acknowledged[to] += 1

    def families(self) -> Iterator[Metric]:
        taken = CounterMetricFamily(
            f"{_PREFIX}_orders", "Orders that were believed.", labels=["outcome", "proof"]
        )
        for (outcome, proof), count in self._taken.items():
            taken.add_metric([outcome, proof], count)
        yield taken
        yield _counter("refused", "Messages that were not believed.", "why", self._refused)
        yield _counter("receive_errors", "Receives of the queue that failed.", "why", self._failed)
        yield _counter("state_errors", "Reads of the state that told nothing.", "why", self._state_failed)
        yield _counter("acks", "Acknowledgements that are owed or were delivered.", "to", self._acknowledged)
        seconds = HistogramMetricFamily(
            f"{_PREFIX}_enforced_seconds", "From an order's arrival until it was enforced.", labels=["proof"]
        )
        yield filled(seconds, self._seconds, _BUCKETS)
        if self.status is not None:
            yield from _standing(self.status())
        if self.replies is not None:
            yield from _replies(self.replies())


def _standing(status: SwitchStatus) -> Iterator[Metric]:
    halts = GaugeMetricFamily(f"{_PREFIX}_halts", "Halts in force.", labels=["kind"])
    for kind in Kind:
        halts.add_metric([kind.value], status.halts.by_kind.get(kind, 0))
    yield halts
    yield GaugeMetricFamily(f"{_PREFIX}_blind", "1 while nobody sees what is halted.", bool(status.why_blind))
    yield GaugeMetricFamily(
        f"{_PREFIX}_damaged", "1 while everything is halted because the halts are lost.", status.is_damaged
    )
    if status.sighted is not None:
        yield GaugeMetricFamily(f"{_PREFIX}_epoch", "Of the newest signed state.", status.epoch)
        yield GaugeMetricFamily(
            f"{_PREFIX}_queue_shared", "1 while another reads from this queue.", bool(status.shared)
        )
        yield _signs(status.sighted)


def _signs(sighted: Sighted) -> Metric:
    """A sign that never came has no age."""
    family = GaugeMetricFamily(
        f"{_PREFIX}_sign_age_seconds", "Time since each sign of life of the feed.", labels=["sign"]
    )
    for name, age in (
        ("receive", sighted.received),
        ("beacon", sighted.beacon),
        ("state", sighted.confirmed),
    ):
        if age is not None:
            family.add_metric([name], age)
    return family


def _replies(status: OutboxStatus) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        f"{_PREFIX}_replies", "Acknowledgements that wait for the reply topic.", status.count
    )
    yield GaugeMetricFamily(f"{_PREFIX}_replies_oldest_seconds", "Age of the oldest of them.", status.oldest)


def _counter(name: str, text: str, label: str, counts: Counter[str]) -> Metric:
    family = CounterMetricFamily(f"{_PREFIX}_{name}", text, labels=[label])
    for word, count in counts.items():
        family.add_metric([word], count)
    return family


def _bounded(known: Counter[str], word: str) -> str:
    return word if word in known or len(known) < _WORDS else _OTHER
