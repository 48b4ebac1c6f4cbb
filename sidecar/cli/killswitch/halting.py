"""`killswitch block`, `unblock` and `reset`: by hand, at the admin socket of this host's daemon."""

import time
from typing import Annotated, Final

import msgspec
import typer

from sidecar.cli.doors import Door
from sidecar.cli.edge import Edge, edge_of
from sidecar.cli.exits import Exit
from sidecar.cli.killswitch.asking import ToldDone, affected, door_of, parse, post
from sidecar.cli.killswitch.scopes import Expires, For, scoped, seconds_from
from sidecar.cli.options import Json, StateDir
from sidecar.cli.refusals import Refused, tell_refusal
from sidecar.cli.screen import Screen
from sidecar.core.killswitch import Kind, Scope

_CODES: Final = """
Exit codes: 0 done and kept, 1 refused or not kept, 64 usage, 69 no daemon answers.
"""
BLOCK: Final = f"""\b
Examples:
  ascend-sidecar killswitch block --agent agent:pay-7 --reason 'pays twice' --for 30m
  ascend-sidecar killswitch block --agents 'agent:pay-*' --reason 'incident 12' --dry-run
  ascend-sidecar killswitch block --everything --reason 'stop this host'

It is in force when the command returns, for this host alone, and stays so over restarts.
{_CODES}"""
UNBLOCK: Final = f"""\b
Examples:
  ascend-sidecar killswitch unblock --agent agent:pay-7 --reason 'fixed'
  ascend-sidecar killswitch unblock --everything

Only what was halted by `killswitch block` is released. The fleet, a signal and the file `halt` release their own.
{_CODES}"""
RESET: Final = f"""\b
Examples:
  ascend-sidecar killswitch reset
  ascend-sidecar killswitch reset --force

For a daemon that halts everything because what was halted is lost. The authoritative state, where it has one,
mends that by itself.
{_CODES}"""
_THIS_HOST: Final = Scope(Kind.HOST)

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; callers are told it.")]
Why = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the decision log.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only show which agents that were seen here would be hit.")
]
Force = Annotated[bool, typer.Option("--force", help="Although there is an authority that will know.")]


@scoped(_THIS_HOST)
def block(
    context: typer.Context,
    *,
    reason: Reason,
    scope: Scope,
    lasting: For = None,
    expires: Expires = None,
    dry_run: DryRun = False,
    state_dir: StateDir = None,
    json: Json = False,
) -> int:
    """Halt on this host, at once."""
    edge = edge_of(context)
    seconds = seconds_from(time.time(), lasting, expires)
    door = door_of(edge, state_dir)
    if dry_run:
        return _foresee(edge, door, scope, json=json)
    body = {"scope": scope, "reason": reason, "for_seconds": seconds}
    return _order(edge, door, "block", body, json=json)


@scoped(_THIS_HOST)
def unblock(
    context: typer.Context,
    *,
    reason: Why = "",
    scope: Scope,
    state_dir: StateDir = None,
    json: Json = False,
) -> int:
    """Release what `killswitch block` has halted on this host."""
    edge = edge_of(context)
    return _order(edge, door_of(edge, state_dir), "unblock", {"scope": scope, "reason": reason}, json=json)


def reset(
    context: typer.Context, *, force: Force = False, state_dir: StateDir = None, json: Json = False
) -> int:
    """Go on with the halts that are known after others were lost."""
    edge = edge_of(context)
    try:
        raw = post(door_of(edge, state_dir), "reset", {"force": force})
    except Refused as refused:
        return tell_refusal(edge, refused, json=json)
    if json:
        edge.emit(msgspec.Raw(raw))
    else:
        Screen(edge).line("ok", "what was lost is given up; the halts that are known stay in force")
    return Exit.OK


def tell_agents(edge: Edge, scope: Scope, agents: tuple[str, ...]) -> None:
    """Whom it would hit."""
    edge.say(f"{scope}: {len(agents)} of the agents that were seen here would be halted")
    for name in agents:
        edge.say(f"  {name}".replace("\n", "\\n"))


def _foresee(edge: Edge, door: Door, scope: Scope, *, json: bool) -> Exit:
    try:
        agents = affected(door, scope).agents
    except Refused as refused:
        return tell_refusal(edge, refused, json=json)
    if json:
        edge.emit({"scope": scope, "agents": agents})
    else:
        tell_agents(edge, scope, agents)
    return Exit.OK


def _order(edge: Edge, door: Door, verb: str, body: dict[str, object], *, json: bool) -> Exit:
    try:
        raw = post(door, verb, body)
    except Refused as refused:
        return tell_refusal(edge, refused, json=json)
    if json:
        edge.emit(msgspec.Raw(raw))
    else:
        _tell(edge, parse(raw, ToldDone))
    return Exit.OK


def _tell(edge: Edge, done: ToldDone) -> None:
    is_halt = done.command == "BLOCK"
    until = f" until {done.expires_at or 'it is released'}" if is_halt else ""
    Screen(edge).line(
        "ok", f"{done.scope} is {'halted' if is_halt else 'released'}{until}, by {done.issued_by}"
    )
    for other in done.also_halted_by:
        edge.say(
            f"  but still halted by {other.origin}: {other.reason or 'no reason given'}".replace("\n", "\\n")
        )
