"""HTTP messages: a whole request as it came in, a whole answer as it goes out, and what a connection grants."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final

import msgspec

from sidecar.api.wire import Reply, Stream
from sidecar.core.model import Caller

_CLOSE: Final = b"Connection: close\r\n"


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
Refuse = Callable[[bytes, Reply], Reply]


def render(reply: Reply, *, keep_alive: bool, head_only: bool = False) -> bytes:
    """The whole answer as one buffer, so that it leaves in one write."""
    return b"%b%d\r\n%b%b\r\n%b" % (
        _beginning(reply.status, reply.content_type),
        len(reply.body),
        reply.headers,
        b"" if keep_alive else _CLOSE,
        b"" if head_only else reply.body,
    )


def render_head(stream: Stream, *, is_chunked: bool) -> bytes:
    """The head of an answer that goes on. Its end is told by the last chunk, else by that of the connection."""
    line = f"HTTP/1.1 200 OK\r\nContent-Type: {stream.content_type}\r\nCache-Control: no-store\r\n"
    coding = b"Transfer-Encoding: chunked\r\n" if is_chunked else b""
    return b"%b%b%b%b\r\n" % (line.encode("latin-1", "replace"), coding, stream.headers, _CLOSE)


def render_chunk(chunk: bytes, *, is_chunked: bool) -> bytes:
    """RFC 9112 7.1. The empty one is the last."""
    if not is_chunked:
        return chunk
    return b"%x\r\n%b\r\n" % (len(chunk), chunk)


@lru_cache(maxsize=128)
def _beginning(status: int, content_type: str) -> bytes:
    """A head up to the number that says how long the body is."""
    line = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: {content_type}\r\n"
    return f"{line}Cache-Control: no-store\r\nContent-Length: ".encode("latin-1", "replace")
