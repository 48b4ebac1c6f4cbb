"""Health, read from state: live (it decides), ready (it may be asked), and how each part fares."""

from enum import StrEnum
from typing import Final

import msgspec

from sidecar.core.judge import judge
from sidecar.core.model import Action, Caller, Request, Resource, Subject, Verdict
from sidecar.service.ports import Clock, DecisionLog
from sidecar.service.state import State

_PROBE: Final = Request(Subject("sidecar", "self"), Action("sidecar.probe"), Resource("sidecar", "self"))


class Status(StrEnum):
    """Of a part, and of the whole, which is as well as its worst part."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILING = "failing"


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """One part: what is wrong where something is, and ages in seconds."""

    name: str
    status: Status
    detail: str = ""
    facts: dict[str, str | float | int] = {}


class Report(msgspec.Struct, frozen=True):
    """The whole, with warnings about what works but should not stay as it is."""

    status: Status
    parts: tuple[Part, ...]
    warnings: tuple[str, ...]


class Health:
    """Answers the probes. Nothing here touches disk or network."""

    def __init__(self, state: State, log: DecisionLog, clock: Clock, fsync: str, own_uid: int) -> None:
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
        if self._state.snapshot.bundle is None:
            reasons.append("no verified policy bundle is active")
        if not (status := self._log.status()).writable:
            reasons.append(f"the decision log cannot be written: {status.reason}")
        if self._state.stopping:
            reasons.append("the daemon is stopping")
        return tuple(reasons)

    def report(self) -> Report:
        parts = (self._bundle(), self._audit())
        worst = max(parts, key=lambda part: list(Status).index(part.status)).status
        return Report(worst, parts, self._warnings())

    def _bundle(self) -> Part:
        state, now = self._state, self._clock.now()
        bundle, refusal = state.snapshot.bundle, state.refusal
        if bundle is None:
            return Part("bundle", Status.FAILING, refusal.reason if refusal else "no bundle is active yet")
        facts: dict[str, str | float | int] = {
            "revision": bundle.revision,
            "digest": bundle.digest,
            "source": f"unsigned source: {bundle.source}",
            "checked_seconds_ago": round(now - state.checked_at, 3),
            "changed_seconds_ago": round(now - state.changed_at, 3),
        }
        if refusal is None:
            return Part("bundle", Status.OK, facts=facts)
        return Part("bundle", Status.DEGRADED, f"the newest bundle was refused: {refusal.reason}", facts)

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
        if self._fsync != "always":
            warnings.append(f"audit.fsync is {self._fsync}: an answer may leave before its record is on disk")
        return tuple(warnings)
