"""Refusals: what a daemon's door says instead of doing what it was asked, and apart from a wrong question."""

from collections.abc import Set as AbstractSet
from http import HTTPStatus

import msgspec

from sidecar.cli.doors import Response, problem_of
from sidecar.cli.edge import Edge
from sidecar.cli.exits import Exit, UnreachableError, UsageError
from sidecar.cli.screen import Screen


class Refused(Exception):
    """The daemon understood, and will not or could not. `body` is what it says."""

    def __init__(self, body: bytes) -> None:
        super().__init__(problem_of(body))
        self.body = body


def taken(response: Response, refusing: AbstractSet[HTTPStatus]) -> bytes:
    """The body of what was done. Raises Refused for the statuses that refuse, UsageError, UnreachableError."""
    if response.status == HTTPStatus.OK:
        return response.body
    if response.status in refusing:
        raise Refused(response.body)
    reason = f"{response.door} answers {response.status}: {problem_of(response.body)}"
    if response.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        raise UsageError(reason)
    raise UnreachableError(reason)


def tell_refusal(edge: Edge, refused: Refused, *, json: bool) -> Exit:
    if json:
        edge.emit(msgspec.Raw(refused.body))
    else:
        Screen(edge).line("FAILED", str(refused))
    return Exit.DENIED
