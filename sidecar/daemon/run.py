"""Run: start, serve until told to stop, stop in order.

1. Take the state directory and bind the sockets.
2. Open the log; load the first bundle: the stored one, or a folder. A broken folder ends the start with exit 78.
3. Serve, write listen.json, tell the service manager READY.
4. On SIGTERM: not ready any more, go on deciding until the requests ebb, then flush, checkpoint and close.

All tasks that run for ever stand in one group: when one ends by an error, the daemon stops. Those of the kill switch
do not end by one, see unending.py.
"""

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
import ssl
import sys
from collections.abc import Callable, Mapping

import uvloop

from sidecar.adapters.audit_files.log import AuditLog, open_log
from sidecar.adapters.audit_files.settings import AuditSettings, Fsync
from sidecar.adapters.clock import SystemClock
from sidecar.adapters.halt_signals import keep_signals
from sidecar.adapters.listen_file import remove_listen_file, write_listen_file
from sidecar.adapters.log_lines import configure_logging
from sidecar.adapters.state_dir import hold_state
from sidecar.adapters.systemd import Notifier, inherited_sockets, watchdog_interval
from sidecar.api.sockets import load_certificate, make_run_dir
from sidecar.config import Config, LogFormat
from sidecar.core.errors import AuditError, BundleError, ConfigError, Diagnostic, Place, StoreError
from sidecar.daemon.build import Parts, build
from sidecar.daemon.doors import Serving, Sockets, open_sockets
from sidecar.daemon.platform import build_platform
from sidecar.service.killswitch.unending import unending

_logger = logging.getLogger(__name__)
_HOUSEKEEPING_SECONDS = 1.0
_TELL_AGAIN_SECONDS = 5.0
_FILES = 16_384
_YOUNG_OBJECTS = 20_000


def serve(
    config: Config, environ: Mapping[str, str], *, accept_fork: bool = False, accept_clock: bool = False
) -> int:
    """Run one daemon until SIGTERM; its exit code. `accept_fork`: go on after a damaged log, with a record of it.

    `accept_clock`: go on by the clock where the log is ahead of it, with a record of that.
    Raises ConfigError, BundleError, AuditError (ChainBroken among them) and StateInUse when it cannot start.
    """
    keep_signals()
    _raise_file_limit()
    configure_logging(config.log.level, as_json=config.log.format is LogFormat.JSON)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(config, environ, accept_fork=accept_fork, accept_clock=accept_clock))


async def _serve(config: Config, environ: Mapping[str, str], *, accept_fork: bool, accept_clock: bool) -> int:
    lock = _take_folders(config)
    sockets = open_sockets(config, inherited_sockets(environ, os.getpid()))
    clock = SystemClock()
    log = open_log(
        config.state_dir,
        lock_fd=lock,
        clock=clock,
        settings=_audit_settings(config),
        origin=config.audit.origin,
        witness_file=config.audit.witness.file,
        accept_fork=accept_fork,
    )
    await log.start()
    try:
        if accept_clock:
            await log.accept_clock()
        clock.raise_floor(log.newest_time)
        base_url = config.public_base_url or str(sockets.addresses()["decision"])
        platform = build_platform(config, environ, clock, str(log.vkey))
        parts = build(config, log, clock, base_url, platform, environ)
        if parts.forward_grpc is not None:
            parts.forward_grpc.bind()
        try:
            await parts.switching.start()
            parts.alarms.start()
            await parts.supply.start()
            await parts.approvals.start()
            await parts.orchestration.start()
            if parts.owing is not None:
                await parts.owing.outbox.start(log.status().size - 1)
            if parts.acks is not None:
                await parts.acks.start()
            return await _run(config, environ, sockets, log, parts)
        finally:
            await parts.switching.close()
            await parts.supply.close()
            await parts.approvals.close()
            if parts.acks is not None:
                await parts.acks.close()
            if parts.owing is not None:
                await parts.owing.outbox.close()
            await parts.scoring.close()
    finally:
        await log.close()
        remove_listen_file(config.listen_file)


def _raise_file_limit() -> None:
    """Each connection is a file; the soft limit is often 1,024, fewer than the connections that a door takes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY:
        wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def _take_folders(config: Config) -> int:
    """The lock on the state directory. Raises StateInUseError, or ConfigError naming what cannot be used."""
    is_shared = config.approvals.group not in (None, config.socket.group)
    make_run_dir(config.run_dir, config.socket.group, is_shared=is_shared)
    try:
        return hold_state(config.state_dir)
    except OSError as error:
        path = error.filename or config.state_dir
        raise ConfigError(Diagnostic(Place(str(path)), f"cannot be used: {error.strerror}")) from error


def _audit_settings(config: Config) -> AuditSettings:
    audit = config.audit
    return AuditSettings(
        fsync=Fsync(audit.fsync),
        deadline=float(audit.deadline),
        segment_bytes=int(audit.segment),
        keep_bytes=int(audit.keep.bytes),
        keep_age=float(audit.keep.age),
    )


async def _run(
    config: Config, environ: Mapping[str, str], sockets: Sockets, log: AuditLog, parts: Parts
) -> int:
    serving, notifier = Serving(), Notifier(environ.get("NOTIFY_SOCKET"))
    stop, cut_short = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        forever = [
            tasks.create_task(log.run()),
            tasks.create_task(parts.approvals.run()),
            *(tasks.create_task(unending(loop)) for loop in parts.switching.forever()),
            *(tasks.create_task(unending(loop)) for loop in parts.alarms.forever()),
            *(tasks.create_task(loop) for loop in parts.supply.forever()),
            *(tasks.create_task(loop) for loop in (parts.owing.forever() if parts.owing else ())),
            *(tasks.create_task(unending(loop)) for loop in (parts.acks.forever() if parts.acks else ())),
            *([tasks.create_task(parts.holds.run())] if parts.holds else []),
            tasks.create_task(_housekeeping(serving)),
            tasks.create_task(_watchdog(notifier, parts, watchdog_interval(environ, os.getpid()))),
        ]
        await _open_doors(serving, sockets, parts)
        if not _tell_where(config, sockets):
            forever.append(tasks.create_task(_tell_later(config, sockets)))
        _on_signals(stop, cut_short, lambda: tasks.create_task(_reload(config, sockets.tls, parts)))
        _spare_the_collector()
        notifier.send("READY=1", "STATUS=deciding")
        _announce(sockets, parts)
        await stop.wait()
        notifier.send("STOPPING=1")
        parts.state.stopping = True
        await parts.activity.ebb(float(config.shutdown.grace), cut_short)
        parts.alarms.close()
        await serving.close()
        if parts.forward_grpc is not None:
            await parts.forward_grpc.close(1.0)
        for task in forever:
            task.cancel()
    return 0


def _tell_where(config: Config, sockets: Sockets) -> bool:
    """On a full disk too it is better to be there, to deny with a reason and to be halted, than not to start."""
    try:
        write_listen_file(config.listen_file, sockets.addresses())
    except OSError as error:
        _logger.error(
            "%s cannot be written, so nobody finds the addresses there: %s", config.listen_file, error
        )
        return False
    return True


async def _tell_later(config: Config, sockets: Sockets) -> None:
    is_told = False
    while not is_told:
        await asyncio.sleep(_TELL_AGAIN_SECONDS)
        is_told = _tell_where(config, sockets)


def _spare_the_collector() -> None:
    """What the start has made stays; what requests make is freed by counting, hardly ever in cycles."""
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 50)


async def _open_doors(serving: Serving, sockets: Sockets, parts: Parts) -> None:
    await serving.open(sockets.ops, parts.ops)
    await serving.open(sockets.admin, parts.admin)
    if sockets.approvals is not None:
        await serving.open(sockets.approvals, parts.people)
    await serving.open(sockets.decision, parts.decision)
    await serving.open(sockets.decision_tcp, parts.decision_tcp, sockets.tls)
    if parts.forward_grpc is not None:
        await parts.forward_grpc.open()


def _on_signals(stop: asyncio.Event, cut_short: asyncio.Event, reload: Callable[[], object]) -> None:
    def terminate() -> None:
        if stop.is_set():
            cut_short.set()
        stop.set()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, terminate)
    loop.add_signal_handler(signal.SIGINT, terminate)
    loop.add_signal_handler(signal.SIGHUP, reload)


async def _reload(config: Config, tls: ssl.SSLContext | None, parts: Parts) -> None:
    """SIGHUP: policies and certificate anew. What is refused is logged and shown in health; the old one stays."""
    if tls is not None and config.tls.cert and config.tls.key:
        try:
            load_certificate(tls, config.tls.cert, config.tls.key)
        except ConfigError as error:
            _logger.error("certificate not reloaded: %s", error)
    with contextlib.suppress(BundleError, AuditError, StoreError):
        await parts.supply.refresher.refresh()


async def _housekeeping(serving: Serving) -> None:
    while True:
        await asyncio.sleep(_HOUSEKEEPING_SECONDS)
        serving.sweep()


async def _watchdog(notifier: Notifier, parts: Parts, interval: float | None) -> None:
    """A ping proves that a decision comes to an answer, not merely that the loop turns."""
    while interval is not None:
        await asyncio.sleep(interval)
        if parts.health.is_live():
            notifier.send("WATCHDOG=1")


_WELCOME = """\
ascend-sidecar {decides}.
  decisions  {decision}
             {decision_socket}
{people}  health     {ops}/healthz
Try:
  curl -s {decision}/access/v1/evaluation -H 'Content-Type: application/json' -d '{request}'
"""
_REQUEST = (
    '{"subject":{"type":"agent","id":"demo"},"action":{"name":"database.read"},'
    '"resource":{"type":"resource","id":"customer_profiles"}}'
)


def _announce(sockets: Sockets, parts: Parts) -> None:
    revision = parts.state.snapshot.revision
    decides = (
        f"decides under policy {revision}" if revision else "denies everything until it has a verified bundle"
    )
    addresses = sockets.addresses()
    people = f"  approvals  {addresses['approvals_socket']}\n" if sockets.approvals is not None else ""
    told = _WELCOME.format(decides=decides, people=people, request=_REQUEST, **addresses)
    sys.stdout.write(told)
    sys.stdout.flush()
