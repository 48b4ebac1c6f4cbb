"""`killswitch status`: what is halted on this host, by whom and until when."""

from typing import Final

import msgspec
import typer

from sidecar.cli.edge import Edge, edge_of
from sidecar.cli.exits import Exit
from sidecar.cli.killswitch.asking import Refused, ToldHalt, ToldStatus, ask, door_of, parse, tell_refusal
from sidecar.cli.options import Json, StateDir
from sidecar.cli.screen import Screen

STATUS: Final = """\b
Examples:
  ascend-sidecar killswitch status
  ascend-sidecar killswitch status --state-dir ./state --json

Exit codes: 0 nothing is halted, 1 something is, 64 usage, 69 no daemon answers.
"""
_HEADER: Final = ("HALTED", "ORIGIN", "BY", "SINCE", "UNTIL", "REASON")


def status(context: typer.Context, *, state_dir: StateDir = None, json: Json = False) -> int:
    """Show what is halted, and where each halt came from: only its origin can release it."""
    edge = edge_of(context)
    try:
        raw = ask(door_of(edge, state_dir))
    except Refused as refused:
        return tell_refusal(edge, refused, json=json)
    told = parse(raw, ToldStatus)
    if json:
        edge.emit(msgspec.Raw(raw))
    else:
        _show(edge, told)
    return Exit.DENIED if told.halts or told.damaged else Exit.OK


def _show(edge: Edge, told: ToldStatus) -> None:
    screen = Screen(edge)
    if told.damaged:
        aside = f" (kept as {told.quarantined})" if told.quarantined else ""
        screen.line("failing", f"what was halted here is lost{aside}, so everything is halted")
        edge.say("the authoritative state mends that; without one, `killswitch reset` gives up on it")
    if told.unsettled:
        screen.line("degraded", f"halts would not survive a restart: {told.unsettled}")
    if told.halts:
        screen.table(_HEADER, map(_row, told.halts))
        if told.more:
            edge.say(f"and {told.more} more")
    elif not told.damaged:
        screen.line("ok", f"nothing is halted on {', '.join(told.hosts)}")


def _row(halt: ToldHalt) -> tuple[str, ...]:
    until = halt.expires_at or "released"
    cells = (str(halt.scope), halt.origin, halt.issued_by, halt.issued_at, until, halt.reason)
    return tuple(cell.replace("\n", "\\n") for cell in cells)
