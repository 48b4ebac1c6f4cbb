"""A server that answers with whatever bytes a test wants, in whatever way."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import urlsplit

Script = Callable[[asyncio.StreamWriter], Awaitable[None]]
Both = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class RawServer:
    """`asked`: the head of each request, as text."""

    def __init__(self, script: Both) -> None:
        self.asked: list[str] = []
        self._script = script
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        # The client goes away, or the test ends.
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = await reader.readuntil(b"\r\n\r\n")
            self.asked.append(head.decode())
            await self._script(reader, writer)
            await writer.drain()
        writer.close()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks)


@contextlib.asynccontextmanager
async def _listening(
    raw: RawServer, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[str, RawServer]]:
    server = await asyncio.start_server(raw.serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}", raw
    finally:
        server.close()
        await raw.close()


def raw_server(script: Script | bytes) -> contextlib.AbstractAsyncContextManager[tuple[str, RawServer]]:
    """Its URL, without a path. Bytes are sent at once, and then the connection is closed."""

    async def both(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if isinstance(script, bytes):
            writer.write(script)
        else:
            await script(writer)

    return _listening(RawServer(both))


def reading_server(
    script: Both, tls: ssl.SSLContext | None = None
) -> contextlib.AbstractAsyncContextManager[tuple[str, RawServer]]:
    """As `raw_server`, for scripts that read what follows the head; over TLS if there is a context."""
    return _listening(RawServer(script), tls)


def tunnelling(url: str) -> contextlib.AbstractAsyncContextManager[tuple[str, RawServer]]:
    """The URL of a proxy that connects all who ask with the server of `url`, whatever host they name."""
    port = urlsplit(url).port

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        back, forth = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(_pipe(reader, forth), _pipe(back, writer))
        finally:
            forth.close()

    return _listening(RawServer(connect))


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65536):
        writer.write(piece)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


def answer(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """A whole answer; `length` is what it claims to be."""
    claimed = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {claimed}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def reset(writer: asyncio.StreamWriter) -> None:
    """End the connection by RST instead of FIN."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
