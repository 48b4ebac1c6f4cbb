"""Asking: the doors at which people answer, and what comes back from there."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Final

import msgspec
import typer

from sidecar.cli.doors import Door, Message, Response, approvals_doors, exchange, problem_of
from sidecar.cli.edge import Edge
from sidecar.cli.exits import Exit, UnreachableError, UsageError
from sidecar.cli.options import config_of
from sidecar.cli.screen import Screen

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


class Refused(Exception):
    """The daemon understood, and will not. `body` is its problem."""

    def __init__(self, body: bytes) -> None:
        super().__init__(problem_of(body))
        self.body = body


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
    return _taken(exchange(doors, Message("GET", path, headers=headers or {})))


def browse(doors: tuple[Door, ...], query: str = "", headers: Mapping[str, str] | None = None) -> bytes:
    """The list of approvals. Raises UnreachableError where there is none to be had."""
    try:
        return get(doors, PATH + query, headers)
    except Refused as refused:
        raise UnreachableError(f"this daemon has no approvals to list: {refused}") from refused


def post(doors: tuple[Door, ...], path: str, body: Mapping[str, object]) -> bytes:
    """Raises as `get` does."""
    headers = {"Content-Type": "application/json"}
    return _taken(exchange(doors, Message("POST", path, msgspec.json.encode(body), headers)))


def tell_refusal(edge: Edge, refused: Refused, *, json: bool) -> Exit:
    if json:
        edge.emit(msgspec.Raw(refused.body))
    else:
        Screen(edge).line("FAILED", str(refused))
    return Exit.DENIED


def _taken(response: Response) -> bytes:
    if response.status == HTTPStatus.OK:
        return response.body
    if response.status in _REFUSED:
        raise Refused(response.body)
    reason = f"{response.door} answers {response.status}: {problem_of(response.body)}"
    if response.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        raise UsageError(reason)
    raise UnreachableError(reason)
