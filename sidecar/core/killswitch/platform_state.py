"""What the ASCEND API says is halted: the switch of the organization, and the commands of one agent.

Only an explicit word ends a halt. The list of an agent may hold pending commands only, so that a halt is no longer in
it once it is acknowledged: what a list does not name is neither halted by it nor released. For the same reason a
release is as of when it was given: one that is still listed says nothing of a halt that came after it.
"""

from datetime import datetime
from typing import Final

import msgspec

from sidecar.core.errors import KillSwitchError
from sidecar.core.killswitch.book import State
from sidecar.core.killswitch.order import FOREVER, ID_CHARS, REASON_CHARS, Command, Order, Proof
from sidecar.core.killswitch.scope import ANY, Kind, Scope, scope
from sidecar.core.killswitch.wire import scope_of
from sidecar.core.model import JSON, Object

MOST_COMMANDS: Final = 1000
_FLAGS: Final = ("blocked", "active", "is_active")
_EXPIRED: Final = "expired"
_SHOWN: Final = 256


class Ordered(msgspec.Struct, frozen=True, gc=False):
    """One command of a list. `at` is its time, by which the newest one of a scope is found."""

    scope: Scope
    order: Order
    at: float


def read_status(body: JSON, as_of: float) -> Order | None:
    """The halt of the organization; None if it is not halted. Raises KillSwitchError for anything odd.

    As for the SDK, anything but false, null, nothing or 0 is on; only false is off.
    """
    if not isinstance(body, dict):
        raise _odd("the status of the kill switch is no object")
    flags = [body[name] for name in _FLAGS if name in body]
    if not any(flags):
        if not flags or not all(flag is False for flag in flags):
            raise _odd("the status of the kill switch does not say whether it is on")
        return None
    command_id = _text(body, "command_id", ID_CHARS) or "platform-status"
    return Order(
        Command.BLOCK,
        Scope(Kind.ORGANIZATION),
        command_id,
        proof=Proof.STATE,
        issued_at=min(as_of, _time(body.get("activated_at")) or as_of),
        received_at=as_of,
        reason=_text(body, "reason", REASON_CHARS),
        issued_by=_text(body, "activated_by", _SHOWN),
    )


def read_commands(agent: str, body: JSON, as_of: float) -> tuple[State, ...]:
    """What the list of an agent says: of each scope that it names, by the newest command. Raises KillSwitchError."""
    if not isinstance(body, dict) or not isinstance(body.get("commands"), list):
        raise _odd("the list of commands is no object with `commands`")
    rows = body["commands"]
    if body.get("agent_id") != agent:
        raise _odd("the list of commands is of another agent")
    if body.get("count", len(rows)) != len(rows):
        raise _odd("the list of commands is not whole")
    if len(rows) > MOST_COMMANDS:
        raise _odd(f"the list of commands has more than {MOST_COMMANDS}")
    newest: dict[Scope, Ordered] = {}
    for row in rows:
        if (one := _ordered(agent, row, as_of)) is not None:
            known = newest.get(one.scope)
            if known is None or _is_newer(one, known):
                newest[one.scope] = one
    return tuple(_state(one, as_of) for one in newest.values())


def _state(one: Ordered, as_of: float) -> State:
    covers = frozenset({one.scope})
    if one.order.command is Command.BLOCK:
        return State(as_of, (one.order,), covers=covers, is_whole=False)
    return State(min(one.at, as_of), covers=covers, is_whole=False)


def _ordered(agent: str, row: JSON, as_of: float) -> Ordered | None:
    """None for a command whose time is over. One that cannot be understood may be a newer kind of halt."""
    if not isinstance(row, dict):
        raise _odd("the list of commands holds something else")
    if row.get("status") == _EXPIRED:
        return None
    kind = row.get("command_type")
    command = kind.upper() if isinstance(kind, str) else ""
    is_release = command == Command.UNBLOCK
    at = _time(row.get("created_at"))
    expires_at = _time(row.get("expires_at"))
    if expires_at is not None and as_of >= expires_at:
        return None
    order = Order(
        Command.UNBLOCK if is_release else Command.BLOCK,
        _scope(agent, row),
        _text(row, "command_id", ID_CHARS) or "platform-command",
        proof=Proof.STATE if command in Command.__members__ else Proof.NOT_UNDERSTOOD,
        issued_at=as_of if at is None else at,
        received_at=as_of if at is None else at,
        expires_at=expires_at,
        reason=_text(row, "reason", REASON_CHARS),
        issued_by=_text(row, "issued_by", _SHOWN),
    )
    # Without a time a halt is the newest, and a release the oldest.
    return Ordered(order.scope, order, at if at is not None else -FOREVER if is_release else FOREVER)


def _is_newer(one: Ordered, known: Ordered) -> bool:
    """Of the same time, a halt."""
    return (one.at, one.order.command is Command.BLOCK) > (known.at, known.order.command is Command.BLOCK)


def _scope(agent: str, row: Object) -> Scope:
    """A broadcast is for every agent: the status of the organization does not end it."""
    if row.get("target_type") == Kind.MCP_SERVER and (place := scope_of(row)) is not None:
        return place
    try:
        return scope(Kind.AGENT, ANY if row.get("is_broadcast") else agent)
    except ValueError as error:
        raise _odd(str(error)) from error


def _text(of: Object, name: str, most: int) -> str:
    value = of.get(name)
    return value[:most] if isinstance(value, str) else ""


def _time(value: JSON) -> float | None:
    """Epoch seconds of an RFC 3339 time; one without an offset is in UTC. None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        read: datetime = msgspec.convert(value if _has_offset(value) else f"{value}Z", datetime)
        return read.timestamp()
    except (msgspec.ValidationError, ValueError, OverflowError):
        return None


def _has_offset(value: str) -> bool:
    return value.endswith(("Z", "z")) or "+" in value[10:] or "-" in value[10:]


def _odd(message: str) -> KillSwitchError:
    return KillSwitchError("malformed", message)
