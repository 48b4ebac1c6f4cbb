"""Health, read from state: live (it decides), ready (it may be asked), and how each part fares."""

from collections.abc import Callable
from typing import Final

import msgspec

from sidecar.core.breaker import Phase
from sidecar.core.bundle import Bundle
from sidecar.core.judge import judge
from sidecar.core.model import Action, Caller, Request, Resource, Subject, Verdict
from sidecar.core.snapshot import Snapshot
from sidecar.core.times import rfc3339
from sidecar.service.health_parts import Part, Status
from sidecar.service.killswitch.health import killswitch_part
from sidecar.service.killswitch.status import SwitchStatus
from sidecar.service.ports import Clock, DecisionLog, OutboxStatus
from sidecar.service.shadow import Shadow
from sidecar.service.state import State
from sidecar.service.watched_platform import PlatformStatus

_PROBE: Final = Request(Subject("sidecar", "self"), Action("sidecar.probe"), Resource("sidecar", "self"))


class Report(msgspec.Struct, frozen=True):
    """The whole, with warnings about what works but should not stay as it is."""

    status: Status
    parts: tuple[Part, ...]
    warnings: tuple[str, ...]


class Health:
    """Answers the probes. Nothing here touches disk or network."""

    def __init__(
        self,
        state: State,
        log: DecisionLog,
        clock: Clock,
        fsync: str,
        own_uid: int,
        shadow: Shadow | None = None,
        *,
        same_uid: bool = False,
        outbox: Callable[[], OutboxStatus] | None = None,
        any_key: bool = False,
        queue_alone: bool = False,
        platform: Callable[[], PlatformStatus] | None = None,
        killswitch: Callable[[], SwitchStatus] | None = None,
        replies: Callable[[], OutboxStatus] | None = None,
    ) -> None:
        """`queue_alone`: halts come by a queue, and nobody says what was halted before it was there.
        `same_uid`: whoever asks for an action may approve it. `any_key`: nobody is asked for a key over TCP.

        `outbox` tells what the platform is owed, `platform` how it fares, `replies` what the reply topic is owed.
        """
        self._killswitch = killswitch
        self._replies = replies
        self._outbox = outbox
        self._any_key = any_key
        self._queue_alone = queue_alone
        self._platform = platform
        self._same_uid = same_uid
        self._shadow = shadow
        self._state = state
        self._log = log
        self._clock = clock
        self._fsync = fsync
        self._own_uid = own_uid
        self._own_uid_seen = False

    def saw_peer(self, caller: Caller) -> None:
        """Take note of who connects: an agent under the daemon's own uid could read its keys."""
        if caller.uid == self._own_uid:
            self._own_uid_seen = True

    def is_live(self) -> bool:
        """Whether a decision on a request of our own comes to an answer, whatever it is."""
        return isinstance(judge(self._state.snapshot, _PROBE, Caller(), self._clock.now()).verdict, Verdict)

    def unready_because(self) -> tuple[str, ...]:
        """Why no traffic should come here; empty when it should."""
        reasons = []
        if lacking := self._lacking(self._state.snapshot, self._clock.now()):
            reasons.append(lacking)
        if not (status := self._log.status()).writable:
            reasons.append(f"the decision log cannot be written: {status.reason}")
        if self._state.stopping:
            reasons.append("the daemon is stopping")
        return tuple(reasons)

    def report(self) -> Report:
        parts = (
            self._bundle(),
            self._audit(),
            *((killswitch_part(self._killswitch()),) if self._killswitch else ()),
            *((_platform(self._platform()),) if self._platform else ()),
            *((_candidate(self._shadow),) if self._shadow else ()),
            *((_owed("outbox", "the platform", self._outbox()),) if self._outbox else ()),
            *((_owed("replies", "the reply topic", self._replies()),) if self._replies else ()),
        )
        worst = max(parts, key=lambda part: list(Status).index(part.status)).status
        return Report(worst, parts, self._warnings())

    def _lacking(self, snapshot: Snapshot, now: float) -> str:
        """Why the policies decide nothing; "" where they do."""
        bundle, refusal = snapshot.bundle, self._state.refusal
        if bundle is None:
            why = f": {refusal.reason}" if refusal else ""
            return f"no verified policy bundle is active{why}"
        if now >= bundle.expires_at:
            return f"the policy bundle expired at {rfc3339(bundle.expires_at)}"
        if now >= snapshot.stale_at:
            return f"the bundle's source was last seen at {rfc3339(self._state.checked_at)}, which is too long ago"
        return ""

    def _bundle(self) -> Part:
        state, now = self._state, self._clock.now()
        bundle, refusal = state.snapshot.bundle, state.refusal
        facts = {} if bundle is None else _bundle_facts(bundle, state, now)
        if lacking := self._lacking(state.snapshot, now):
            return Part("bundle", Status.FAILING, lacking, facts)
        if refusal is not None:
            age = f"{now - state.checked_at:.0f} s"
            detail = f"the active bundle was last confirmed {age} ago; {refusal.kind}: {refusal.reason}"
            return Part("bundle", Status.DEGRADED, detail, facts)
        if state.unstored:
            detail = f"the active bundle would not survive a restart: {state.unstored}"
            return Part("bundle", Status.DEGRADED, detail, facts)
        return Part("bundle", Status.OK, facts=facts)

    def _audit(self) -> Part:
        status = self._log.status()
        facts: dict[str, str | float | int] = {
            "records": status.size,
            "bytes": status.bytes,
            "lag_seconds": round(status.lag, 6),
            "checkpoint_size": status.checkpoint_size,
            "fsync": self._fsync,
        }
        if not status.writable:
            return Part("audit", Status.FAILING, status.reason, facts)
        if warnings := self._log.warnings():
            return Part("audit", Status.DEGRADED, "; ".join(warnings), facts)
        return Part("audit", Status.OK, facts=facts)

    def _warnings(self) -> tuple[str, ...]:
        warnings = []
        if self._own_uid_seen:
            warnings.append(
                "a caller runs under the daemon's own uid, so it could read the daemon's keys and log"
            )
        if self._same_uid:
            warnings.append("approvals.same_uid is allow: who asks for an action can approve it, alone")
        if self._any_key:
            warnings.append(
                "no tokens_file is set: whoever reaches the decision port over TCP may ask, with any key or none"
            )
        if self._queue_alone:
            warnings.append(
                "killswitch.state is not set: what was halted before this host had its queue is not known here"
            )
        if self._fsync != "always":
            warnings.append(f"audit.fsync is {self._fsync}: an answer may leave before its record is on disk")
        return tuple(warnings)


def _platform(status: PlatformStatus) -> Part:
    """Decisions are made without it, as the policy has it, so it is never worse than degraded."""
    facts: dict[str, str | float | int] = {"host": status.host, "breaker": status.phase.value}
    if status.answered_ago is not None:
        facts["answered_seconds_ago"] = round(status.answered_ago, 3)
    facts["open_decisions"] = status.proceeded
    if status.silence or status.phase is not Phase.CLOSED:
        detail = f"the platform does not answer: {status.silence or status.phase.value}"
        return Part("platform", Status.DEGRADED, detail, facts)
    return Part("platform", Status.OK, facts=facts)


def _candidate(shadow: Shadow) -> Part:
    """It decides nothing, so it is never worse than degraded."""
    candidate, refusal = shadow.candidates.current, shadow.candidates.refusal
    facts: dict[str, str | float | int] = {"compared": shadow.compared, "differing": shadow.differing}
    if candidate is not None:
        facts = {"revision": candidate.bundle.revision, "digest": candidate.bundle.digest, **facts}
    if refusal:
        return Part("candidate", Status.DEGRADED, refusal, facts)
    return Part("candidate", Status.OK, "" if candidate else "there is none", facts)


def _owed(name: str, who: str, status: OutboxStatus) -> Part:
    """It is told later, so it is never worse than degraded."""
    facts: dict[str, str | float | int] = {
        "items": status.count,
        "bytes": status.bytes,
        "oldest_seconds": round(status.oldest, 3),
        "delivered": status.delivered,
        "dropped": status.dropped,
    }
    if status.problem:
        return Part(name, Status.DEGRADED, f"{who} is not told: {status.problem}", facts)
    return Part(name, Status.OK, facts=facts)


def _bundle_facts(bundle: Bundle, state: State, now: float) -> dict[str, str | float | int]:
    signed = bundle.signed
    facts: dict[str, str | float | int] = {
        "name": bundle.name,
        "revision": bundle.revision,
        "digest": bundle.digest,
        "source": bundle.source if signed else f"unsigned source: {bundle.source}",
        "checked_seconds_ago": round(now - state.checked_at, 3),
        "changed_seconds_ago": round(now - state.changed_at, 3),
        "stale_in_seconds": round(state.snapshot.stale_at - now, 3),
    }
    if signed is not None:
        facts |= {
            "verified_seconds_ago": round(now - state.verified_at, 3),
            "age_seconds": round(now - signed.issued_at, 3),
            "expires_in_seconds": round(signed.expires_at - now, 3),
            "signer": ", ".join(signed.signers),
            "keys_version": signed.keys_version,
        }
    return facts
