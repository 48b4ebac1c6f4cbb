"""HTTP messages: a whole request as it came in, a whole answer as it goes out, and what a connection grants."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import msgspec

from sidecar.api.wire import Reply
from sidecar.core.model import Caller

_STATUS_LINES: Final = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Bytes and seconds that a connection grants; `connections` in all."""

    body: int = 256 * 1024
    headers: int = 16 * 1024
    read_timeout: float = 5.0
    idle: float = 75.0
    connections: int = 4096


class Incoming(msgspec.Struct, frozen=True, gc=False):
    """One whole request; header names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    peer: Caller
    keep_alive: bool


Respond = Callable[[Incoming], Coroutine[Any, None, Reply]]


def render(reply: Reply, *, keep_alive: bool, head_only: bool = False) -> bytes:
    """The whole answer as one buffer, so that it leaves in one write."""
    head = (
        f"{_STATUS_LINES[reply.status]}Content-Type: {reply.content_type}\r\n"
        f"Content-Length: {len(reply.body)}\r\nCache-Control: no-store\r\n"
    )
    for name, value in reply.headers:
        head += f"{name}: {value}\r\n"
    head += "\r\n" if keep_alive else "Connection: close\r\n\r\n"
    raw = head.encode("latin-1", "replace")
    return raw if head_only else raw + reply.body
