"""The kill switch of one daemon: the switch itself, and the loops that feed it."""

import socket
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from sidecar.adapters.metrics_prometheus import PrometheusMetrics
from sidecar.adapters.sqlite import HaltsSqlite
from sidecar.config import Config
from sidecar.core.errors import ConfigError, Diagnostic, Place
from sidecar.core.killswitch import Halts, Kind, scope
from sidecar.core.policy.globs import Glob, compile_glob
from sidecar.daemon.authority import Overseeing, build_overseeing
from sidecar.service.killswitch.presence import Presence
from sidecar.service.killswitch.status import Reporter
from sidecar.service.killswitch.switch import KillSwitch
from sidecar.service.ports import Clock, DecisionLog, Platform
from sidecar.service.state import State


@dataclass(frozen=True, slots=True)
class Switching:
    """All parts that have to do with it."""

    switch: KillSwitch
    presence: Presence
    reporter: Reporter
    overseeing: Overseeing

    async def start(self) -> None:
        """Take up what is halted, before any door opens. Raises StoreError."""
        await self.switch.start()

    def forever(self) -> tuple[Coroutine[Any, Any, None], ...]:
        """The loops that `run` keeps going."""
        return (self.reporter.run(), *self.overseeing.forever())

    async def close(self) -> None:
        await self.overseeing.close()
        await self.switch.close()


def build_switching(
    config: Config,
    state: State,
    log: DecisionLog,
    clock: Clock,
    metrics: PrometheusMetrics,
    platform: Platform | None,
) -> Switching:
    """Raises ConfigError."""
    switch = KillSwitch(
        state,
        HaltsSqlite(config.state_dir),
        log,
        clock,
        _halts(config),
        takes_signed_unblock=config.killswitch.signed_unblock,
        metrics=metrics,
    )
    reporter = Reporter(switch, state, clock, lambda: metrics.orders_refused)
    metrics.watch_killswitch(reporter.status)
    overseeing = build_overseeing(config, state, switch, clock, metrics, platform)
    if config.killswitch.has_feed:
        state.watch_sight(overseeing.sight.blind_because)
        reporter.watch(overseeing.sight.signs)
    return Switching(switch, Presence(state), reporter, overseeing)


def _halts(config: Config) -> Halts:
    """The index of a host where nothing is halted yet."""
    switch = config.killswitch
    try:
        host = scope(Kind.HOST, switch.host or socket.gethostname()).name
        organization = scope(Kind.ORGANIZATION, switch.organization).name if switch.organization else ""
        blinded = None if "*" in switch.blind_subjects else _globs(switch.blind_subjects)
    except ValueError as error:
        raise ConfigError(Diagnostic(Place("killswitch"), str(error))) from error
    return Halts(here=(host,), organization=organization, blinded=blinded)


def _globs(patterns: tuple[str, ...]) -> tuple[Glob, ...]:
    return tuple(compile_glob(pattern) for pattern in patterns)
