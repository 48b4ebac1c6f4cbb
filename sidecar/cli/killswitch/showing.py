"""`killswitch status`: what is halted on this host, by whom and until when, and whether a new halt would be seen."""

from typing import Final

import msgspec
import typer

from sidecar.cli.edge import Edge, edge_of
from sidecar.cli.exits import Exit
from sidecar.cli.killswitch.asking import ToldHalt, ToldSight, ToldStatus, ask, door_of, parse
from sidecar.cli.options import Json, StateDir
from sidecar.cli.refusals import Refused, tell_refusal
from sidecar.cli.screen import Screen

STATUS: Final = """\b
Examples:
  ascend-sidecar killswitch status
  ascend-sidecar killswitch status --state-dir ./state --json

Exit codes: 0 nothing is halted, 1 something is or nobody sees what is, 64 usage, 69 no daemon answers.
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
    is_blind = told.sight is not None and bool(told.sight.blind)
    return Exit.DENIED if told.halts or told.damaged or is_blind else Exit.OK


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
    if told.sight is not None:
        _show_feed(screen, told, told.sight)


def _show_feed(screen: Screen, told: ToldStatus, sight: ToldSight) -> None:
    """Each way that a halt can come by, and how lately something came."""
    if sight.blind:
        screen.line("failing", sight.blind)
    if (queue := told.queue) is not None:
        problems = [queue.error, queue.unsettled, "others seem to read it" * queue.shared_queue_suspected]
        signs = f"received {_ago(sight.received)}, a beacon {_ago(sight.beacon)}"
        _show_way(screen, f"queue {queue.name}", signs, problems)
    if (state := told.state) is not None:
        epoch = f"epoch {state.epoch} of {state.issued_at}, " if state.epoch else ""
        _show_way(screen, f"state {state.name}", f"{epoch}read {_ago(sight.confirmed)}", [state.failing])


def _show_way(screen: Screen, name: str, signs: str, problems: list[str]) -> None:
    found = "; ".join(problem for problem in problems if problem)
    screen.line("degraded" if found else "ok", f"{name}: {signs}{f': {found}' if found else ''}")


def _ago(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.1f} s ago"


def _row(halt: ToldHalt) -> tuple[str, ...]:
    until = halt.expires_at or "released"
    cells = (str(halt.scope), halt.origin, halt.issued_by, halt.issued_at, until, halt.reason)
    return tuple(cell.replace("\n", "\\n") for cell in cells)
