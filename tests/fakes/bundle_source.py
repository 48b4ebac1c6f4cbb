"""A source of bundles in memory, which can hold an answer back. Tests can take its content away or make it fail."""

import asyncio

from sidecar.core.errors import BundleError, SourceRefused
from sidecar.service.ports import Content, Fetched


class FakeBundleSource:
    """`failing` is raised by every fetch while it is set. `waiting` counts the fetches that are held back."""

    def __init__(self, content: Content | None = None) -> None:
        self.name = "memory"
        self.failing: BundleError | None = None
        self.waiting = 0
        self._content = content
        self._version = 0
        self._changed = asyncio.Event()

    def put(self, content: Content | None) -> None:
        """Other content; None for none at all."""
        self._content = content
        self._version += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def close(self) -> None:
        self._changed.set()

    async def fetch(self, tag: str | None, wait: float) -> Fetched | None:
        if tag == self._tag and wait > 0 and self.failing is None:
            await self._hold(wait)
        if self.failing is not None:
            raise self.failing
        if self._content is None:
            raise SourceRefused(f"{self.name}: there is none")
        return None if tag == self._tag else Fetched(self._content, self._tag)

    @property
    def _tag(self) -> str:
        return str(self._version)

    async def _hold(self, wait: float) -> None:
        self.waiting += 1
        try:
            async with asyncio.timeout(wait):
                await self._changed.wait()
        except TimeoutError:
            pass
        finally:
            self.waiting -= 1
