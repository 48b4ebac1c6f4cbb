"""`status`: how a running daemon fares, part by part."""

from typing import Annotated, Final

import msgspec
import typer

from sidecar.cli.doors import Door, Message, exchange, ops_door
from sidecar.cli.edge import Edge, edge_of
from sidecar.cli.exits import Exit, UnreachableError
from sidecar.cli.options import Json, StateDir, config_of
from sidecar.cli.screen import Screen

_FAILING: Final = "failing"
_EXAMPLES: Final = """\b
Examples:
  ascend-sidecar status
  ascend-sidecar status --state-dir ./state --json
  ascend-sidecar status --url http://127.0.0.1:8182

Exit codes: 0 ok or degraded, 1 failing, 69 no daemon answers.
"""

OpsUrl = Annotated[str | None, typer.Option("--url", metavar="URL", help="Ops address of the daemon.")]


class Part(msgspec.Struct, frozen=True):
    """One part of the daemon; facts are ages in seconds, sizes and names."""

    name: str
    status: str
    detail: str = ""
    facts: dict[str, str | float | int | bool | None] = {}


class Health(msgspec.Struct, frozen=True):
    """What /healthz tells."""

    status: str
    parts: tuple[Part, ...] = ()
    warnings: tuple[str, ...] = ()


def build() -> typer.Typer:
    app = typer.Typer(rich_markup_mode=None)
    app.command(epilog=_EXAMPLES)(status)
    return app


def status(
    context: typer.Context, *, url: OpsUrl = None, state_dir: StateDir = None, json: Json = False
) -> int:
    """Show how a running daemon fares: each part, and what should not stay as it is."""
    edge = edge_of(context)
    door = Door.at_url(url) if url is not None else ops_door(config_of(edge, state_dir))
    response = exchange((door,), Message("GET", "/healthz"))
    health = _parse(response.body, door)
    if json:
        edge.emit(msgspec.Raw(response.body))
    else:
        _show(edge, health, door)
    return Exit.DENIED if health.status == _FAILING else Exit.OK


def _parse(raw: bytes, door: Door) -> Health:
    try:
        return msgspec.json.decode(raw, type=Health)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise UnreachableError(f"{door} does not answer like a daemon: {error}") from error


def _show(edge: Edge, health: Health, door: Door) -> None:
    screen = Screen(edge)
    screen.line(health.status, f"at {door}")
    for part in health.parts:
        edge.say()
        screen.line(part.status, f"{part.name}: {part.detail}" if part.detail else part.name)
        for name, value in part.facts.items():
            edge.say(f"  {name.replace('_', ' '):<20} {value}")
    for warning in health.warnings:
        edge.say(f"\nwarning: {warning}")
