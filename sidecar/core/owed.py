"""Owed: what the platform has yet to be told, and what its answer means for whether it was.

Every item is a POST of the daemon's own. Items of one agent are told in the order in which they were owed; each bears
a correlation id that depends on nothing but what is told, so that a second arrival is known for one.
"""

import hashlib
from enum import Enum, StrEnum
from typing import Final

import msgspec

from sidecar.core.killswitch.ack import Ack, Hit, paths, told
from sidecar.core.model import JSON, Code, Decision, Object, Verdict
from sidecar.core.platform import Reason, Scored, Unavailable, parse_score, submit_body
from sidecar.core.record import DecisionRecord
from sidecar.core.times import rfc3339

MARK: Final = "ascend_sidecar"
_FIRST_PAUSE: Final = 1.0
_MOST_DOUBLINGS: Final = 16
_ID_CHARS: Final = 32
# Nobody's item is at fault: none would fare better just now.
_NOT_NOW: Final = frozenset(
    {
        Reason.CIRCUIT_OPEN,
        Reason.REFUSED,
        Reason.TLS,
        Reason.BUSY,
        Reason.OVERLOADED,
        Reason.UNAUTHORIZED,
        Reason.REDIRECTED,
        Reason.NO_KEY,
    }
)


class Kind(StrEnum):
    """What is owed. Stable: metrics bear the words."""

    COMPLETION = "completion"
    ACK = "ack"
    HEARTBEAT = "heartbeat"
    REPORT = "report"
    REPLY = "reply"

    @property
    def is_spare(self) -> bool:
        """Whether it goes first where there is no room: nobody was promised that it arrives."""
        return self in (Kind.HEARTBEAT, Kind.REPORT)


class Owed(msgspec.Struct, frozen=True, gc=False):
    """One POST. `agent` is `type:id`, by which the order is kept; `owed_at` in epoch seconds."""

    kind: Kind
    agent: str
    id: str
    owed_at: float
    path: str
    body: Object


class Fate(Enum):
    """What came of an attempt: over, over without success, this one again later, or nothing at all for a while."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    AGAIN = "again"
    NOT_NOW = "not_now"


def completion(record: DecisionRecord, outcome: str, details: Object, now: float) -> Owed | None:
    """That an action `completed` or `failed`; None if the platform knows of no such action."""
    action_id = record.scored.action_id if record.scored else ""
    if not action_id:
        return None
    verb = "complete" if outcome == "completed" else "fail"
    body = {f"{outcome}_at": rfc3339(now), **details, "action_id": action_id, "status": outcome}
    return _owed(Kind.COMPLETION, _subject(record), now, f"/api/agent-action/{action_id}/{verb}", body)


def heartbeat(agent_id: str, told: Object, now: float) -> Owed:
    """That an agent is alive."""
    body = {"timestamp": rfc3339(now), **told, "agent_id": agent_id}
    return _owed(Kind.HEARTBEAT, f"agent:{agent_id}", now, "/api/agents/health/heartbeat", body)


def acknowledgement(agent_id: str, command_id: str, now: float) -> Owed:
    """That an agent has taken note of a command. Both ids mean nothing but themselves within a path."""
    path = f"/api/registry/agents/{agent_id}/commands/{command_id}/ack"
    return _owed(Kind.ACK, f"agent:{agent_id}", now, path, {})


def order_acknowledgements(ack: Ack, found: Hit, host: str, log: str, now: float) -> list[Owed]:
    """That this daemon, which is told from every other one by its `log`, enforces an order of the kill switch."""
    body = told(ack, found, host)
    return [
        Owed(Kind.ACK, f"agent:{agent_id}", _mark_of(log, ack.id, path), now, path, body)
        for agent_id, path in paths(ack, found, host)
    ]


def order_reply(ack: Ack, found: Hit, host: str, log: str, now: float) -> Owed:
    """The same as a message to whoever listens. All go one after the other."""
    body = {"type": "kill_switch_ack", "id": _mark_of(log, ack.id), **told(ack, found, host)}
    return Owed(Kind.REPLY, "replies", str(body["id"]), now, "", body)


def report(record: DecisionRecord, seq: int, log: str, now: float) -> Owed:
    """A decision that was given, as a submit with a mark in its context. `log` tells our log from every other one.

    The contract has no other way to tell of an action. What the platform makes of it changes nothing here.
    """
    body = submit_body(record.request)
    body["context"] = {**body.get("context", {}), MARK: _mark(record, seq)}
    return Owed(Kind.REPORT, _subject(record), _mark_of(log, str(seq)), now, "/api/v1/actions/submit", body)


def proceeded_open(decision: Decision) -> bool:
    """Whether an action was let through that the platform should have scored, and did not."""
    is_open = any(ruling.code is Code.PLATFORM_OPEN for ruling in decision.rulings)
    return is_open and decision.verdict is Verdict.ALLOW


def fate(kind: Kind, status: int, body: JSON) -> Fate:
    """What a reply means. A report that the platform denies is on its books all the same."""
    if 200 <= status < 300:
        return Fate.DELIVERED
    if status == 408:
        return Fate.AGAIN
    if kind is Kind.REPORT and isinstance(parse_score(status, body), Scored):
        return Fate.DELIVERED
    return Fate.REFUSED


def fate_without(unavailable: Unavailable) -> Fate:
    """What it means that there was no reply. Only what can never be sent is given up."""
    if unavailable.reason is Reason.UNSENDABLE:
        return Fate.REFUSED
    return Fate.NOT_NOW if unavailable.reason in _NOT_NOW else Fate.AGAIN


def pause(failures: int, most: float, chance: float) -> float:
    """Seconds until the next attempt: twice as long each time up to `most`, half of it by `chance` (0 to below 1)."""
    return float(min(most, _FIRST_PAUSE * 2 ** min(failures, _MOST_DOUBLINGS)) * (0.5 + chance / 2))


def _owed(kind: Kind, agent: str, now: float, path: str, body: Object) -> Owed:
    raw = msgspec.json.encode([path, body], order="deterministic")
    return Owed(kind, agent, f"asc_{hashlib.sha256(raw).hexdigest()[:_ID_CHARS]}", now, path, body)


def _mark_of(*parts: str) -> str:
    """A correlation id that depends on nothing else."""
    return f"asc_{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:_ID_CHARS]}"


def _subject(record: DecisionRecord) -> str:
    return f"{record.request.subject.type}:{record.request.subject.id}"


def _mark(record: DecisionRecord, seq: int) -> Object:
    decision = record.decision
    return {
        "report": "proceeded_open" if proceeded_open(decision) else "decision",
        "decision_id": str(seq),
        "verdict": decision.verdict.word,
        "code": decision.code,
        "decided_at": rfc3339(decision.now),
        "revision": decision.revision,
        "rules": list(decision.rules),
        "action_id": record.scored.action_id if record.scored else "",
    }
