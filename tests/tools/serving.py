"""A server of one bundle on a thread of its own, for daemons in processes of their own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.fakes.bundle_server import BundleServer, serving


class Served:
    """`url` is where the bundle is; `put` changes it, None takes it away."""

    def __init__(self) -> None:
        self.server = BundleServer()
        self.url = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._open = threading.Event()
        self._end: asyncio.Event | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def put(self, body: bytes | None) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self.server.put, body)

    def start(self) -> None:
        self._thread.start()
        assert self._open.wait(10)

    def stop(self) -> None:
        """Connections are refused from now on."""
        if self._thread.is_alive() and self._loop is not None and self._end is not None:
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        async with serving(self.server) as url:
            self.url = url
            self._open.set()
            await self._end.wait()


@contextmanager
def served(body: bytes | None, token: str | None = None) -> Iterator[Served]:
    """A server of this body, stopped at the end."""
    one = Served()
    one.server.body, one.server.token = body, token
    one.start()
    try:
        yield one
    finally:
        one.stop()
