"""What one daemon owes its platform: the store, who fills it, and who delivers from it."""

import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from sidecar.adapters.metrics_prometheus import PrometheusMetrics
from sidecar.adapters.sqlite import OutboxSqlite
from sidecar.config import Config
from sidecar.core.model import Decision
from sidecar.service.agent_calls import AgentCalls
from sidecar.service.asked import Asked
from sidecar.service.delivery import Delivery
from sidecar.service.outbox import Outbox
from sidecar.service.platform_post import PlatformPost
from sidecar.service.ports import Clock, DecisionLog, Platform
from sidecar.service.reports import Reports
from sidecar.service.state import State

Listener = Callable[[Asked, Decision, int], None]


@dataclass(frozen=True, slots=True)
class Owing:
    """All parts that have to do with it."""

    outbox: Outbox
    delivery: Delivery
    reports: Reports
    calls: AgentCalls

    def forever(self) -> tuple[Coroutine[Any, Any, None], ...]:
        """The loops that `run` keeps going."""
        return self.outbox.run(), self.delivery.run(), self.reports.run()


def build_owing(
    config: Config,
    platform: Platform | None,
    state: State,
    log: DecisionLog,
    clock: Clock,
    metrics: PrometheusMetrics,
    name: str,
) -> Owing | None:
    """None without a platform: then nothing is owed. `name` tells this daemon's log from every other one."""
    if platform is None:
        return None
    bounds, within = config.platform.outbox, float(config.platform.timeout)
    store = OutboxSqlite(config.state_dir)
    outbox = Outbox(store, clock, metrics, limit=int(bounds.bytes), age=float(bounds.age))
    metrics.watch_outbox(outbox.status)
    return Owing(
        outbox,
        Delivery(outbox, PlatformPost(platform), clock, within, random.random),
        Reports(outbox, log, clock, name, is_all=config.platform.report_decisions),
        AgentCalls(outbox, state, clock),
    )


def all_of(*listeners: Listener | None) -> Listener | None:
    """One that tells each of them of an answer; None if there is none."""
    there = [listener for listener in listeners if listener is not None]
    if len(there) < 2:
        return there[0] if there else None

    def told(asked: Asked, decision: Decision, seq: int) -> None:
        for listener in there:
            listener(asked, decision, seq)

    return told
