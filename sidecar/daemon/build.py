"""Build: every part of one daemon, made once and handed to those that use it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sidecar.adapters.audit_files.keys import load_masking_key
from sidecar.adapters.audit_files.layout import Layout
from sidecar.adapters.audit_files.log import AuditLog
from sidecar.adapters.bundle_files import BundleDir
from sidecar.adapters.clock import SystemClock
from sidecar.adapters.metrics_prometheus import PrometheusMetrics
from sidecar.adapters.sqlite import ApprovalsSqlite
from sidecar.api.admin import Admin
from sidecar.api.approvals import ApprovalsDoor
from sidecar.api.ascend_identity import for_agents
from sidecar.api.authzen import AuthZen
from sidecar.api.decisions import Decisions
from sidecar.api.events import Events
from sidecar.api.guards import CallerGuard, HostGuard
from sidecar.api.listen import Door
from sidecar.api.message import HttpLimits
from sidecar.api.openapi import OpenApi
from sidecar.api.ops import Ops
from sidecar.api.router import Router
from sidecar.api.sessions import SessionsDoor
from sidecar.api.ungoverned import UngovernedDoor
from sidecar.config import DEFAULT_POLICIES, Config, SameUid, policies_folder, read_tokens
from sidecar.core.bundle import read_masking
from sidecar.core.ijson import JsonLimits
from sidecar.core.masking import Masker
from sidecar.daemon.acks import Acks, build_acks
from sidecar.daemon.alarms import Alarms, build_alarms
from sidecar.daemon.ascend import ascend_routes
from sidecar.daemon.forward_auth import build_forward_auth, build_forward_auth_grpc
from sidecar.daemon.killswitch import Switching, build_switching
from sidecar.daemon.owing import Owing, all_of, build_owing
from sidecar.daemon.supply import Supply, build_supply
from sidecar.service.activity import Activity
from sidecar.service.admission import Admission
from sidecar.service.advice import Advice
from sidecar.service.approvals import Approvals
from sidecar.service.ballots import Ballots
from sidecar.service.decide import Decider
from sidecar.service.forwarding import Forwarding
from sidecar.service.halting import Halting
from sidecar.service.health import Health
from sidecar.service.killswitch.commands import Commands
from sidecar.service.orchestration import Orchestration
from sidecar.service.outcomes import Outcomes
from sidecar.service.platform_holds import PlatformHolds
from sidecar.service.ports import Platform
from sidecar.service.repeats import Repeats
from sidecar.service.scoring import Scoring
from sidecar.service.search import Search
from sidecar.service.state import State
from sidecar.service.ungoverned import Ungoverned
from sidecar.service.waiting import Waiting
from sidecar.service.watched_platform import WatchedPlatform

if TYPE_CHECKING:
    from sidecar.api.forward_auth_grpc import ForwardAuthGrpc


@dataclass(frozen=True, slots=True)
class Parts:
    """What `run` drives: the loops, and the doors by the socket that they stand behind."""

    state: State
    supply: Supply
    approvals: Approvals
    scoring: Scoring
    holds: PlatformHolds | None
    orchestration: Orchestration
    owing: Owing | None
    switching: Switching
    alarms: Alarms
    acks: Acks | None
    health: Health
    activity: Activity
    decision_tcp: Door
    decision: Door
    people: Door
    admin: Door
    ops: Door
    forward_grpc: "ForwardAuthGrpc | None"


def build(
    config: Config,
    log: AuditLog,
    clock: SystemClock,
    base_url: str,
    remote: Platform | None,
    environ: Mapping[str, str],
) -> Parts:
    """Wire one daemon around its log. Raises ConfigError for a tokens file that cannot be used."""
    within = float(config.audit.deadline)
    masking_key = load_masking_key(Layout(config.state_dir))
    metrics = PrometheusMetrics()
    metrics.watch_log(log.status)
    platform = WatchedPlatform(remote, clock, metrics) if remote else None
    if platform:
        metrics.watch_platform(platform.status_now)
    defaults = BundleDir(policies_folder(DEFAULT_POLICIES)).load()
    state = State(Masker(read_masking(defaults), masking_key), float(config.bundle.max_staleness))
    switching = build_switching(config, state, log, clock, metrics, platform, environ)
    supply = build_supply(config, state, log, clock, metrics, masking_key, defaults)
    same_uid = config.approvals.same_uid is SameUid.ALLOW
    halting = Halting(state, clock)
    approvals = Approvals(ApprovalsSqlite(config.state_dir), log, clock, halting, within, same_uid=same_uid)
    alarms = build_alarms(state, clock, switching, approvals)
    admission = Admission(config.limits.in_flight)
    scoring = Scoring(platform, clock, float(config.platform.timeout))
    owing = build_owing(config, platform, state, log, clock, metrics, str(log.vkey))
    outbox = owing.outbox if owing else None
    acks = build_acks(config, switching, outbox, log, clock, metrics, str(log.vkey))
    answered = all_of(
        switching.presence.saw,
        alarms.asked_by.saw,
        supply.shadow.saw if supply.shadow else None,
        platform.saw_answer if platform else None,
        owing.reports.saw if owing else None,
    )
    orchestration = Orchestration(log, approvals.book, within)
    decider = Decider(
        state,
        log,
        clock,
        metrics,
        approvals,
        scoring,
        orchestration,
        admission,
        within,
        answered,
        switching.overseeing.roster,
    )
    outcomes = Outcomes(log, decider, approvals, state, clock, within, outbox)
    health = Health(
        state,
        log,
        clock,
        config.audit.fsync,
        os.getuid(),
        supply.shadow,
        same_uid=same_uid,
        outbox=outbox.status if outbox else None,
        any_key=config.tokens_file is None,
        queue_alone=config.killswitch.queue_url is not None and switching.overseeing.authority is None,
        platform=platform.status_now if platform else None,
        killswitch=switching.reporter.status,
        replies=acks.replies.outbox.status if acks and acks.replies else None,
    )
    activity = Activity(clock)
    limits = JsonLimits(depth=config.limits.depth)
    ballots = Ballots(approvals, state, log, clock)
    events = Events(alarms.streams, state)
    people = (
        *ApprovalsDoor(ballots, limits, float(config.limits.wait)).routes(),
        *events.routes_of_everything(),
    )
    waiting = Waiting(outcomes, approvals.book, clock, float(config.ascend.answer_waiters_after))
    search = Search(state, log, clock, orchestration, within)
    advice = Advice(state, log, clock, orchestration, within)
    repeats = Repeats(decider, state, clock)
    forwarding = Forwarding(platform, float(config.platform.timeout)) if platform else None
    ascend = ascend_routes(
        repeats,
        outcomes,
        waiting,
        advice,
        orchestration.sessions,
        state,
        clock,
        limits,
        owing.calls if owing else None,
        forwarding,
        switching.presence,
        Commands(state, switching.presence, log, clock, within),
    )
    routes = (
        *AuthZen(decider, search, limits, config.limits.batch, base_url).routes(),
        *ascend,
        *SessionsDoor(orchestration.sessions).routes(),
        *Decisions(outcomes, limits, float(config.limits.wait)).routes(),
        *UngovernedDoor(Ungoverned(log, state, metrics, within), clock, limits).routes(),
        *events.routes(),
    )
    router = Router((*routes, *for_agents(ascend), *OpenApi(routes).routes()))
    bounds = _bounds(config)
    required = frozenset(read_tokens(config.tokens_file)) if config.tokens_file else frozenset()
    callers = CallerGuard(required, state.bound_tokens)
    hosts = HostGuard(config.allowed_hosts)
    forward = build_forward_auth(config.forward_auth, decider, state, callers, metrics)
    return Parts(
        state=state,
        supply=supply,
        approvals=approvals,
        scoring=scoring,
        holds=PlatformHolds(platform, approvals, float(config.platform.timeout)) if platform else None,
        orchestration=orchestration,
        owing=owing,
        switching=switching,
        alarms=alarms,
        acks=acks,
        health=health,
        activity=activity,
        decision_tcp=Door(router, bounds, callers, hosts, activity.touch, forward=forward),
        decision=Door(router, bounds, callers, None, activity.touch, health.saw_peer, forward),
        people=Door(Router(people), bounds),
        admin=Door(
            Router(
                (
                    *Admin(health, supply.refresher, supply.candidates).routes(),
                    *switching.admin().routes(),
                    *people,
                )
            ),
            bounds,
        ),
        ops=Door(Router(Ops(health, metrics.render).routes()), bounds),
        forward_grpc=build_forward_auth_grpc(config, forward, activity.touch),
    )


def _bounds(config: Config) -> HttpLimits:
    limits = config.limits
    return HttpLimits(
        body=int(limits.body),
        headers=int(limits.headers),
        read_timeout=float(limits.read_timeout),
        idle=float(limits.idle),
    )
