"""Fleet: a signed order on its way to the topic: its number, who gives it, and whom it would hit on this host."""

import os
import secrets
import socket
from collections.abc import Sequence
from typing import Annotated, Final

import typer

from sidecar.adapters.aws.topic import Topic
from sidecar.adapters.users import name_of_user
from sidecar.cli.edge import Edge
from sidecar.cli.exits import Exit, UnreachableError, UsageError
from sidecar.cli.killswitch.asking import ToldAffected, affected, door_of
from sidecar.cli.killswitch.halting import tell_agents
from sidecar.cli.refusals import Refused
from sidecar.cli.screen import Screen
from sidecar.cli.trusting import find_signers
from sidecar.core.killswitch import Command, Order, Scope
from sidecar.core.killswitch.order import REASON_CHARS
from sidecar.core.killswitch.wire import write_order
from sidecar.core.model import Object
from sidecar.core.trust import Signer

_PATIENCE: Final = 1.0

Keys = Annotated[
    list[str] | None, typer.Option("--key", metavar="FILE", help="Private key to sign with; repeat it.")
]
Kms = Annotated[
    list[str] | None,
    typer.Option("--kms", metavar="KEY", help="Key in AWS KMS, by id, alias or ARN; repeat it."),
]


def signers_of(key: list[str] | None, kms: list[str] | None) -> tuple[Signer, ...]:
    """Raises UsageError, RemoteRefused, RemoteUnreachable."""
    if not key and not kms:
        raise UsageError("nobody to sign: give --key FILE or --kms KEY")
    return find_signers(key or (), kms or ())


def myself() -> str:
    return f"{name_of_user(os.getuid()) or os.getuid()}@{socket.gethostname()}"


def known_of(edge: Edge, scope: Scope, state_dir: str | None) -> ToldAffected | str:
    """What this host's daemon knows of the scope, or why that cannot be told. A halt does not wait long for it."""
    try:
        return affected(door_of(edge, state_dir), scope, _PATIENCE)
    except (UnreachableError, UsageError, Refused) as error:
        return str(error)


def newest_of(known: ToldAffected | str) -> int | None:
    """The number of the newest order of the scope that this host's daemon knows."""
    return None if isinstance(known, str) else known.newest_seq


def halting_seq(now: float, seq: int | None, *newest: int | None) -> int:
    """Above all numbers that are known, and the time, so that nobody keeps count."""
    if seq is not None:
        return seq
    return max(int(now * 1000), *(-1 if number is None else number + 1 for number in newest), 0)


def releasing_seq(seq: int | None, why: str, *newest: int | None) -> int:
    """Above the halt's. Raises UsageError with `why` where nobody here knows that."""
    if seq is not None:
        return seq
    known = [number for number in newest if number is not None]
    if not known:
        raise UsageError(f"give --seq, the number after the halt's: {why}")
    return max(known) + 1


def unknown_because(known: ToldAffected | str) -> str:
    """Why this host does not know a halt."""
    return known if isinstance(known, str) else "this host's daemon knows of no such halt"


def make_order(
    command: Command,
    scope: Scope,
    now: float,
    seq: int,
    reason: str,
    issued_by: str | None,
    expires_at: float | None = None,
) -> Order:
    if len(reason) > REASON_CHARS:
        raise UsageError(f"--reason has more than {REASON_CHARS} characters")
    return Order(
        command,
        scope,
        f"order-{secrets.token_hex(16)}",
        seq=seq,
        issued_at=now,
        expires_at=expires_at,
        reason=reason,
        issued_by=issued_by or myself(),
    )


def publish(
    edge: Edge, order: Order, to: Topic, signers: Sequence[Signer], stated: Object | None, *, json: bool
) -> Exit:
    """Send it. `stated` is what is told of the state document that has it already."""
    message_id = to.publish(message_of(order, signers))
    if json:
        more = {"state": stated} if stated else {}
        edge.emit({**_told(order), "topic": to.arn, "message_id": message_id, **more})
        return Exit.OK
    if stated:
        edge.say(f"  {stated['file']} has it since epoch {stated['epoch']}")
    Screen(edge).line("ok", f"sent {order.command} {order.scope} to {to.arn}")
    edge.say(f"  seq {order.seq}, command {order.command_id}, message {message_id}")
    if order.command is Command.BLOCK and order.seq is not None:
        edge.say(f"  it is ended by `publish unblock` with --seq {order.seq + 1} or higher")
    return Exit.OK


def message_of(order: Order, signers: Sequence[Signer]) -> str:
    """Raises UsageError for an order that cannot be written."""
    try:
        return write_order(order, signers).decode()
    except ValueError as error:
        raise UsageError(str(error)) from error


def foresee(edge: Edge, order: Order, known: ToldAffected | str, *, json: bool) -> Exit:
    """What is not known is said to be: a dry run needs no daemon."""
    agents, why = (None, known) if isinstance(known, str) else (known.agents, "")
    if json:
        edge.emit({**_told(order), "dry_run": True, "agents": agents, "unknown_because": why})
        return Exit.OK
    edge.say(f"nothing is sent: {order.command} {order.scope}, seq {order.seq}, by {order.issued_by}")
    if agents is None:
        edge.say(f"whom it would hit on this host is not known: {why}")
    else:
        tell_agents(edge, order.scope, agents)
    return Exit.OK


def _told(order: Order) -> dict[str, object]:
    return {
        "command": order.command,
        "scope": order.scope,
        "seq": order.seq,
        "command_id": order.command_id,
        "issued_by": order.issued_by,
        "expires_at": order.expires_at,
        "reason": order.reason,
    }
