"""Asking: the doors at which people answer, and what comes back from there."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Final

import msgspec
import typer

from sidecar.cli.doors import Door, Message, approvals_doors, exchange
from sidecar.cli.edge import Edge
from sidecar.cli.exits import UnreachableError, UsageError
from sidecar.cli.options import config_of
from sidecar.cli.refusals import Refused, taken

PATH: Final = "/v1/approvals"
_REFUSED: Final = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT})

_MARKS: Final = str.maketrans("", "", "_.")

Id = Annotated[str, typer.Argument(metavar="ID", help="The approval, such as apr_0a1b2c.")]
SocketPath = Annotated[
    str | None,
    typer.Option(
        "--socket", metavar="PATH", help="Ask here. [default: approvals.sock, else the admin socket]"
    ),
]


def doors_of(edge: Edge, socket: str | None, state_dir: str | None, run_dir: str | None) -> tuple[Door, ...]:
    if socket is not None:
        return (Door.at_socket(socket),)
    return approvals_doors(config_of(edge, state_dir, run_dir))


def path_of(approval_id: str, verb: str = "") -> str:
    """Raises UsageError for what cannot be an id."""
    if not (approval_id.isascii() and approval_id.translate(_MARKS).isalnum()):
        raise UsageError(f"`{approval_id}` is not an approval's id such as apr_0a1b2c")
    return f"{PATH}/{approval_id}{verb}"


def get(doors: tuple[Door, ...], path: str, headers: Mapping[str, str] | None = None) -> bytes:
    """Raises Refused, UsageError, UnreachableError."""
    return taken(exchange(doors, Message("GET", path, headers=headers or {})), _REFUSED)


def browse(doors: tuple[Door, ...], query: str = "", headers: Mapping[str, str] | None = None) -> bytes:
    """The list of approvals. Raises UnreachableError where there is none to be had."""
    try:
        return get(doors, PATH + query, headers)
    except Refused as refused:
        raise UnreachableError(f"this daemon has no approvals to list: {refused}") from refused


def post(doors: tuple[Door, ...], path: str, body: Mapping[str, object]) -> bytes:
    """Raises as `get` does."""
    headers = {"Content-Type": "application/json"}
    return taken(exchange(doors, Message("POST", path, msgspec.json.encode(body), headers)), _REFUSED)
