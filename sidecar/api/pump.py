"""The pump: an answer that goes on, chunk by chunk, as fast as its reader takes it.

A reader that takes nothing for too long is cut. The connection ends with the stream: what follows on it is not read.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

from sidecar.api.drive import Drive
from sidecar.api.message import render_chunk, render_head
from sidecar.api.wire import Stream

_END: Final = b""


class Pump:
    """One stream on one transport. `ended` is called once after the last chunk was written."""

    __slots__ = (
        "_drive",
        "_ended",
        "_is_chunked",
        "_is_waiting",
        "_loop",
        "_paused_at",
        "_stream",
        "_transport",
    )

    def __init__(
        self,
        stream: Stream,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        ended: Callable[[], None],
        *,
        is_chunked: bool,
    ) -> None:
        self._stream = stream
        self._transport = transport
        self._loop = loop
        self._ended = ended
        self._is_chunked = is_chunked
        self._is_waiting = False
        self._paused_at: float | None = None
        self._drive = Drive(self._send, loop)
        transport.write(render_head(stream, is_chunked=is_chunked))
        self._next()

    def pause(self) -> None:
        """The reader is slower than the stream."""
        self._paused_at = self._loop.time()

    def resume(self) -> None:
        self._paused_at = None
        self._next()

    def is_stuck(self, now: float, longest: float) -> bool:
        """Whether the reader has taken nothing for so many seconds."""
        return self._paused_at is not None and now - self._paused_at > longest

    def close(self) -> None:
        """The connection is lost."""
        self._stream.close()

    def _next(self) -> None:
        if not self._is_waiting and self._paused_at is None:
            self._is_waiting = True
            self._drive.start(_next(self._stream.chunks))

    def _send(self, chunk: bytes | None) -> None:
        self._is_waiting = False
        if self._transport.is_closing():
            return
        self._transport.write(render_chunk(chunk or _END, is_chunked=self._is_chunked))
        if chunk:
            self._next()
        else:
            self._ended()


async def _next(chunks: AsyncIterator[bytes]) -> bytes:
    return await anext(chunks, _END)
