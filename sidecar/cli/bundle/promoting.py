"""`bundle promote`: put the candidate of a running daemon into force."""

from http import HTTPStatus
from typing import Annotated, Final

import msgspec
import typer

from sidecar.cli.doors import Door, Message, exchange, problem_of
from sidecar.cli.edge import edge_of
from sidecar.cli.exits import Exit
from sidecar.cli.options import Json, StateDir, config_of
from sidecar.cli.screen import Screen

PROMOTE: Final = """\b
Examples:
  ascend-sidecar bundle promote --revision 43
  ascend-sidecar bundle promote --state-dir ./state --json

The candidate is what `shadow.source` names; `status` shows its revision and how often it differed.
Publish it where `bundle.source` looks as well, or the next revision from there replaces it.

Exit codes: 0 it is in force, 1 there is no such candidate or it was refused, 69 no daemon answers.
"""

Revision = Annotated[
    str | None,
    typer.Option("--revision", metavar="N", help="Only if the candidate is of this revision. [default: any]"),
]


def promote(
    context: typer.Context, *, revision: Revision = None, state_dir: StateDir = None, json: Json = False
) -> int:
    """Put the candidate that a daemon judges beside its policies into force."""
    edge = edge_of(context)
    door = Door.at_socket(config_of(edge, state_dir).admin_socket)
    body = msgspec.json.encode({} if revision is None else {"revision": revision})
    message = Message("POST", "/v1/promote", body, {"Content-Type": "application/json"})
    response = exchange((door,), message)
    if json:
        edge.emit(msgspec.Raw(response.body))
    elif response.status == HTTPStatus.OK:
        promoted = msgspec.json.decode(response.body)["revision"]
        Screen(edge).line("ok", f"revision {promoted} is in force")
    else:
        Screen(edge).line("FAILED", problem_of(response.body))
    return Exit.OK if response.status == HTTPStatus.OK else Exit.DENIED
