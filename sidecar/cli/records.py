"""Records: which of the log's records are wanted, and how one of them reads on a line."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import msgspec

from sidecar.adapters.audit_files.reading import Entry
from sidecar.cli.exits import UsageError
from sidecar.config.units import Seconds
from sidecar.core.model import Code, Object

_VERDICTS: Final = ("allow", "pending", "deny")
_AGO: Final = re.compile(r"[0-9]+(ms|s|m|h|d)")
_HIDDEN: Final = frozenset({"seq", "prev", "time", "type", "event", "now"})
_WIDEST: Final = 160


class Wanted(msgspec.Struct, frozen=True):
    """Filters; None lets everything pass. In `subject` and `action` a `*` at the end is anything."""

    verdict: str | None = None
    code: str | None = None
    subject: str | None = None
    action: str | None = None

    def __post_init__(self) -> None:
        if self.verdict is not None and self.verdict not in _VERDICTS:
            raise UsageError(f"--verdict `{self.verdict}` is not one of {', '.join(_VERDICTS)}")
        if self.code is not None and self.code not in list(Code):
            raise UsageError(f"--code `{self.code}` is not one of {', '.join(Code)}")

    @property
    def is_everything(self) -> bool:
        return self == Wanted()

    def matches(self, entry: Entry) -> bool:
        """Whether a record passes; one that is no decision passes only where nothing is asked of decisions."""
        if self.is_everything:
            return True
        record = entry.record
        if record.get("type") != "decision":
            return False
        decision, request = _mapping(record, "decision"), _mapping(record, "request")
        told = (
            (self.verdict, decision.get("verdict")),
            (self.code, decision.get("code")),
            (self.subject, _name(request, "subject")),
            (self.action, _mapping(request, "action").get("name")),
        )
        return all(wanted is None or _fits(wanted, str(found)) for wanted, found in told)


def moment_of(text: str | None, now: float) -> float | None:
    """Epoch seconds of a time in RFC 3339, or of so long ago as 15m. Raises UsageError."""
    if text is None:
        return None
    if _AGO.fullmatch(text):
        return now - Seconds.parse(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UsageError(f"--since `{text}` is neither such as 15m nor such as 2026-01-31T09:00:00Z")
    return moment.timestamp()


def line_of(entry: Entry) -> str:
    """One record on one line: number, time, what was decided or happened."""
    record = entry.record
    kind = str(record.get("type", "?"))
    told = _LINES.get(kind, _other)(record)
    return f"{entry.seq:>8}  {record.get('time', '?')}  {told}"


def _decision(record: Object) -> str:
    decision, request = _mapping(record, "decision"), _mapping(record, "request")
    risk = _mapping(decision, "risk").get("score", "-")
    action = _mapping(request, "action").get("name")
    return (
        f"{decision.get('verdict')!s:<8} {decision.get('code')!s:<20} risk {risk!s:>3}  "
        f"{_name(request, 'subject')}  {action}  {_name(request, 'resource')}"
    )


def _outcome(record: Object) -> str:
    return f"{record.get('outcome')!s:<8} of {record.get('decision')}"


def _ungoverned(record: Object) -> str:
    agent = msgspec.json.encode(str(record.get("agent", ""))).decode()
    return f"ungoverned {record.get('count')} actions, says {agent}"


def _void(record: Object) -> str:
    return f"void     {record.get('voids')}"


def _expired(record: Object) -> str:
    return f"expired  approval {record.get('approval')} of {record.get('decision')}"


def _order(record: Object) -> str:
    """Texts of the sender's in quotes, so that none can look like another line."""
    order = _mapping(record, "order")
    by, why = (msgspec.json.encode(str(order.get(name, ""))).decode() for name in ("issued_by", "reason"))
    what = f"{order.get('command')!s:<8} {_scope(order)}  {record.get('outcome')}"
    origin, proof = order.get("origin", "fleet"), order.get("proof", "local")
    return f"{what}  {origin}, {proof}  by {by}  {why}"


def _ack(record: Object) -> str:
    what = f"{record.get('command')} {_scope(record)}"
    return f"told     {record.get('to')} of {what}  {record.get('agents_count')} agents here"


def _reset(record: Object) -> str:
    by = msgspec.json.encode(str(record.get("by", ""))).decode()
    return f"RESET    lost halts are given up{', by force,' if record.get('forced') else ''} by {by}"


def _scope(of: Object) -> str:
    scope = _mapping(of, "scope")
    return f"{scope.get('kind')} {msgspec.json.encode(str(scope.get('name', '*'))).decode()}"


def _other(record: Object) -> str:
    details = {key: value for key, value in record.items() if key not in _HIDDEN}
    shown = msgspec.json.encode(details).decode()
    ellipsis = "…" if len(shown) > _WIDEST else ""
    return f"{record.get('event', record.get('type'))!s:<8} {shown[:_WIDEST]}{ellipsis}"


_LINES: Final[dict[str, Callable[[Object], str]]] = {
    "decision": _decision,
    "outcome": _outcome,
    "ungoverned": _ungoverned,
    "void": _void,
    "approval_expired": _expired,
    "kill_switch_order": _order,
    "kill_switch_ack": _ack,
    "kill_switch_reset": _reset,
}


def _mapping(value: Object, key: str) -> dict[str, Any]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _name(request: Object, part: str) -> str:
    entity = _mapping(request, part)
    return f"{entity.get('type')}:{entity.get('id')}"


def _fits(wanted: str, found: str) -> bool:
    return found.startswith(wanted[:-1]) if wanted.endswith("*") else found == wanted
