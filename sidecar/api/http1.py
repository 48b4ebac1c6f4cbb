"""HTTP/1.1 connections: llhttp (httptools) parses, this orders what it finds into calls and answers them in turn.

One request of a connection is at work at a time; a few more may wait, beyond them the peer is not read. Everything is
bounded: the head and the body in bytes, a message in time, a silent connection in time, connections in number. The
parser refuses what request smuggling needs: both Content-Length and Transfer-Encoding, or two lengths.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Final, cast

import httptools

from sidecar.api.drive import Drive
from sidecar.api.message import HttpLimits, Incoming, Refuse, Respond, render
from sidecar.api.peers import peer_of
from sidecar.api.problems import problem
from sidecar.api.pump import Pump
from sidecar.api.wire import Reply, Stream
from sidecar.core.model import Caller

_PIPELINED: Final = 16
_READ_ONCE: Final = frozenset(
    {"host", "origin", "authorization", "x-api-key", "content-type", "x-request-id", "x-correlation-id"}
)
_USUAL: Final = ("accept", "accept-encoding", "connection", "content-length", "user-agent")
# As they are mostly spelled: what many requests have need not be decoded for each.
_KNOWN: Final = {
    spelled.encode(): name for name in (*_READ_ONCE, *_USUAL) for spelled in (name, name.title())
}
# A body of chunks of one byte is sent in six times its bytes; extensions and trailers may add to that, within bounds.
_FRAMING: Final = 16
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class HttpServer:
    """The connections of one door. `respond` never raises; `on_peer` is told of each that connects.

    `refuse` words the answer to a message that cannot be read, given what was seen of its beginning.
    """

    def __init__(
        self,
        respond: Respond,
        limits: HttpLimits,
        on_peer: Callable[[Caller], None],
        refuse: Refuse = lambda _seen, reply: reply,
    ) -> None:
        self.respond = respond
        self.limits = limits
        self.refuse = refuse
        self.on_peer = on_peer
        self.connections: set[Connection] = set()
        self.stopping = False
        self._empty = asyncio.Event()
        self._empty.set()

    def __call__(self) -> "Connection":
        return Connection(self)

    def welcome(self, connection: "Connection", peer: Caller) -> bool:
        """Whether there is room for one more."""
        if self.stopping or len(self.connections) >= self.limits.connections:
            return False
        self.connections.add(connection)
        self._empty.clear()
        self.on_peer(peer)
        return True

    def part(self, connection: "Connection") -> None:
        self.connections.discard(connection)
        if not self.connections:
            self._empty.set()

    def sweep(self, now: float) -> None:
        """Close what has been sending one message, or nothing, for too long. `now` is the loop's time."""
        for connection in tuple(self.connections):
            connection.sweep(now)

    async def close(self, patience: float) -> None:
        """Close idle connections at once and the others after their answer, all of them after `patience` seconds."""
        self.stopping = True
        for connection in tuple(self.connections):
            connection.finish()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._empty.wait()
        for connection in tuple(self.connections):
            connection.abort_now()


class Connection(asyncio.Protocol):
    """One connection, from accept to close."""

    __slots__ = (
        "_body",
        "_body_size",
        "_busy",
        "_bytes",
        "_closing",
        "_drive",
        "_headers",
        "_in_head",
        "_incoming",
        "_loop",
        "_parser",
        "_peer",
        "_pump",
        "_queue",
        "_refused",
        "_server",
        "_since",
        "_size",
        "_target",
        "_transport",
        "_writable",
    )

    def __init__(self, server: HttpServer) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._drive = Drive(self._answer, self._loop)
        self._parser = httptools.HttpRequestParser(self)
        self._queue: deque[Incoming] = deque()
        self._transport: asyncio.Transport | None = None
        self._refused: Reply | None = None
        self._pump: Pump | None = None
        self._busy = self._closing = False
        self._writable = True
        self._since = self._loop.time()
        self._begin()

    # asyncio tells of the connection.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # a stream's transport is one, in every loop
        self._peer = peer_of(transport)
        if not self._server.welcome(self, self._peer):
            self.abort()  # no answer is a deny to every caller

    def connection_lost(self, _error: Exception | None) -> None:
        self._server.part(self)
        self._transport = None
        self._queue.clear()
        if self._pump is not None:
            self._pump.close()

    def pause_writing(self) -> None:
        self._writable = False
        if self._pump is not None:
            self._pump.pause()

    def resume_writing(self) -> None:
        self._writable = True
        if self._pump is not None:
            self._pump.resume()
        else:
            self._next()

    def data_received(self, data: bytes) -> None:
        # Behind what is refused nothing counts, and it is not kept while earlier requests are at work.
        refused = self._refused
        if self._closing or self._pump is not None or refused is not None:
            return
        if not self._bytes:
            self._since = self._loop.time()
        self._bytes += len(data)
        while data:
            data = self._feed(data)
        limits = self._server.limits
        if self._in_head and self._bytes > limits.headers:
            self._refuse(431, f"may have {limits.headers} bytes", "headers")
        elif self._bytes > limits.headers + _FRAMING * limits.body:
            self._refuse(413, "is hidden in too many bytes of framing", "body")
        if self._refused is not None:
            self._next()

    def _feed(self, data: bytes) -> bytes:
        """What is still to be parsed: the parser stops behind a message that asks for another protocol."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # RFC 9110 7.8: a server may ignore Upgrade, and goes on in HTTP/1.1.
            self._parser = httptools.HttpRequestParser(self)
            return data[upgrade.args[0] :]
        except httptools.HttpParserError as error:
            why = f"this is not HTTP/1.1: {error.args[0] if error.args else 'unreadable'}"
            self._refuse(400, why, seen=data)
        return b""

    def _begin(self) -> None:
        self._target = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._bytes = self._size = self._body_size = 0
        self._in_head = True

    # The parser tells of the message.

    def on_url(self, target: bytes) -> None:
        self._target += target
        self._size += len(target)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            return  # RFC 9110 6.5: trailers may be ignored
        key = _KNOWN.get(name) or name.decode("latin-1").lower()
        text, headers = value.decode("latin-1"), self._headers
        self._size += len(key) + len(text)
        if key in headers:
            if key in _READ_ONCE:
                self._refuse(400, "occurs twice", key)
            text = f"{headers[key]}, {text}"
        headers[key] = text

    def on_headers_complete(self) -> None:
        self._in_head = False
        limits, headers = self._server.limits, self._headers
        if self._size > limits.headers:
            self._refuse(431, f"may have {limits.headers} bytes", "headers")
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length[:18]) > limits.body:
            self._refuse(413, f"may have {limits.body} bytes", "body")
        elif headers.get("expect", "").lower() == "100-continue":
            self._invite()

    def _invite(self) -> None:
        """RFC 9110 10.1.1: the sender waits for this before it sends the body."""
        if self._transport and not self._refused:
            self._transport.write(_CONTINUE)

    def on_body(self, data: bytes) -> None:
        self._body.append(data)
        self._body_size += len(data)
        if self._body_size > (limit := self._server.limits.body):
            self._refuse(413, f"may have {limit} bytes", "body")
            self._body.clear()

    def on_message_complete(self) -> None:
        if self._refused is not None:
            return
        parser = self._parser
        body = self._body
        incoming = Incoming(
            parser.get_method().decode("latin-1"),
            self._target.decode("latin-1"),
            self._headers,
            body[0] if len(body) == 1 else b"".join(body),
            self._peer,
            parser.should_keep_alive(),
        )
        self._begin()
        queue = self._queue
        queue.append(incoming)
        if len(queue) >= _PIPELINED and self._transport and self._transport.is_reading():
            self._transport.pause_reading()
        self._next()

    def _refuse(self, status: int, why: str, field: str = "", seen: bytes = b"") -> None:
        """Remember the first reason; the answer follows those of the requests before, and ends the connection.

        `seen`: what has just come, where its target may be among it.
        """
        if self._refused is None:
            reply = problem(status, f"{field}: {why}" if field else why, field)
            self._refused = self._server.refuse(self._target + seen, reply)

    # Answers go out in the order of their requests.

    def _next(self) -> None:
        if self._busy or not self._writable or self._closing:
            return
        if not self._queue:
            if self._refused is not None:
                self._write(self._refused, keep_alive=False)
            return
        self._busy = True
        self._incoming = self._queue.popleft()
        # Not at once: the requests of all connections that are readable now are judged one after the other.
        self._drive.start(self._server.respond(self._incoming))

    def _answer(self, reply: Reply | None) -> None:
        incoming = self._incoming
        if isinstance(reply, Stream):
            self._go_on(reply)
            return
        self._busy = False
        if reply is None:
            self.abort()  # the daemon is ending; no answer is a deny to every caller
            return
        keep_alive = incoming.keep_alive and not self._server.stopping
        self._write(reply, keep_alive=keep_alive, head_only=incoming.method == "HEAD")
        self._since = self._loop.time()
        if self._queue or self._refused is not None:
            self._next()
        elif self._transport and not self._transport.is_reading():
            self._transport.resume_reading()

    def _go_on(self, stream: Stream) -> None:
        """An answer that goes on is the last of its connection, which stays at work until its end."""
        transport = self._transport
        if transport is None or self._closing:
            stream.close()
            return
        if not transport.is_reading():
            transport.resume_reading()  # so that the end of the reader is noticed
        self._pump = Pump(stream, transport, self._loop, self.abort, is_chunked=self._incoming.keep_alive)

    def _write(self, reply: Reply, *, keep_alive: bool, head_only: bool = False) -> None:
        transport = self._transport
        if transport is None or self._closing:
            return
        transport.write(render(reply, keep_alive=keep_alive, head_only=head_only))
        if not keep_alive:
            self._closing = True
            transport.close()

    # The server ends what it must not wait for.

    def sweep(self, now: float) -> None:
        if self._pump is not None and self._pump.is_stuck(now, self._server.limits.read_timeout):
            self.abort_now()
        if self._busy or self._transport is None or self._closing:
            return
        limits, waited = self._server.limits, now - self._since
        if self._bytes or not self._in_head:
            if waited > limits.read_timeout:
                self._refuse(408, f"did not arrive within {limits.read_timeout:g} seconds", "request")
                self._next()
        elif waited > limits.idle:
            self.abort()

    def finish(self) -> None:
        """Close now if nothing is at work, else after its answer."""
        if not self._busy and not self._queue:
            self.abort()

    def abort(self) -> None:
        """Close once what was written has left."""
        self._closing = True
        if self._transport is not None:
            self._transport.close()

    def abort_now(self) -> None:
        """Close although the peer has not taken what was written."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()
