"""The kill switch of one daemon: the switch itself, and the loops that feed it."""

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sidecar.adapters.halt_file import SentinelFile
from sidecar.adapters.halt_signals import PendingSignals
from sidecar.adapters.metrics_prometheus import PrometheusMetrics
from sidecar.adapters.sqlite import HaltsSqlite
from sidecar.adapters.state_dir import lock_in
from sidecar.adapters.users import name_of_user
from sidecar.api.admin_killswitch import AdminKillSwitch
from sidecar.config import Config
from sidecar.config.trust import read_halts_trust
from sidecar.core.errors import ConfigError, Diagnostic, Place
from sidecar.core.killswitch import Halts, Kind, scope
from sidecar.core.killswitch.sentinel import MOST_BYTES
from sidecar.core.model import Object
from sidecar.core.policy.globs import Glob, compile_glob
from sidecar.daemon.authority import Overseeing, build_overseeing
from sidecar.daemon.feed import build_feed, build_watch
from sidecar.daemon.reading import build_reader
from sidecar.daemon.telling import told_of
from sidecar.service.killswitch.by_hand import user
from sidecar.service.killswitch.desk import Desk
from sidecar.service.killswitch.local import Local
from sidecar.service.killswitch.presence import Presence
from sidecar.service.killswitch.settling import Settling
from sidecar.service.killswitch.status import Reporter
from sidecar.service.killswitch.switch import KillSwitch
from sidecar.service.killswitch.unending import Loop
from sidecar.service.killswitch.watch import Watch
from sidecar.service.ports import Clock, DecisionLog, Platform
from sidecar.service.state import State


@dataclass(frozen=True, slots=True)
class Switching:
    """All parts that have to do with it; `watch` where there is a queue. `told` are further parts of its status."""

    switch: KillSwitch
    presence: Presence
    reporter: Reporter
    overseeing: Overseeing
    settling: Settling
    local: Local
    desk: Desk
    told: dict[str, Callable[[], Object]] = field(default_factory=dict)
    watch: Watch | None = None

    async def start(self) -> None:
        """Take up what is halted, before any door opens. Raises StoreError."""
        await self.switch.start()
        await self.local.start()

    def admin(self) -> AdminKillSwitch:
        """Its part of the admin socket."""
        return AdminKillSwitch(self.desk, lambda uid: user(uid, name_of_user), self.told)

    def forever(self) -> tuple[Loop, ...]:
        """The loops that `run` keeps going, come what may."""
        watching = (self.watch.run,) if self.watch else ()
        overseeing, local = self.overseeing.forever(), self.local.forever()
        return (self.reporter.run, *watching, *overseeing, *local, self.settling.run)

    async def close(self) -> None:
        if self.watch is not None:
            await self.watch.close()
        await self.overseeing.close()
        await self.local.close()
        await self.switch.close()


def build_switching(
    config: Config,
    state: State,
    log: DecisionLog,
    clock: Clock,
    metrics: PrometheusMetrics,
    platform: Platform | None,
    environ: Mapping[str, str],
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
    presence, settling = Presence(state), Settling(switch)
    watch = _watch(config, environ, overseeing, settling, switch, log, clock, metrics)
    if config.killswitch.has_feed:
        state.watch_sight(overseeing.sight.blind_because)
        reporter.watch(overseeing.sight.signs, watch.shared if watch else str)
    reporter.keeping(lambda: settling.unsettled, lambda: watch.status().unsettled if watch else "")
    file = SentinelFile(config.halt_file, MOST_BYTES, lock_in(config.state_dir))
    local = Local(switch, settling, file, PendingSignals(), clock, name_of_user)
    desk = Desk(switch, settling, presence, state, log, clock, has_feed=config.killswitch.has_feed)
    return Switching(
        switch,
        presence,
        reporter,
        overseeing,
        settling,
        local,
        desk,
        told_of(switch, overseeing, watch) if config.killswitch.has_feed else {},
        watch,
    )


def _watch(
    config: Config,
    environ: Mapping[str, str],
    overseeing: Overseeing,
    settling: Settling,
    switch: KillSwitch,
    log: DecisionLog,
    clock: Clock,
    metrics: PrometheusMetrics,
) -> Watch | None:
    feed = build_feed(config, environ)
    if feed is None:
        return None
    reader = build_reader(config, read_halts_trust(config))
    sight, authority = overseeing.sight, overseeing.authority
    return build_watch(config, feed, reader, switch, sight, authority, settling, log, clock, metrics)


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
