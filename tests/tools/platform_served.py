"""The simulated platform on a thread of its own, for daemons in processes of their own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from tests.fakes.platform_book import PlatformBook
from tests.tools.platform_simulator import PlatformSimulator, serving


class SimulatedPlatform:
    """`url` stays the same when it is stopped and started again."""

    def __init__(self, book: PlatformBook | None = None) -> None:
        self.simulator = PlatformSimulator(book)
        self.book = self.simulator.book
        self.url = ""
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None

    def start(self) -> None:
        opened = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(opened)))
        self._thread.start()
        assert opened.wait(10)

    def stop(self) -> None:
        """Connections are refused from now on."""
        if self._thread and self._thread.is_alive() and self._loop and self._end:
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join()

    async def _serve(self, opened: threading.Event) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        port = urlsplit(self.url).port or 0
        async with serving(self.simulator, port=port) as url:
            self.url = url
            opened.set()
            await self._end.wait()


@contextmanager
def simulated(book: PlatformBook | None = None) -> Iterator[SimulatedPlatform]:
    """One that serves, stopped at the end."""
    platform = SimulatedPlatform(book)
    platform.start()
    try:
        yield platform
    finally:
        platform.stop()
