"""Watched: `fetch` over files. Looks tell of changes; what is read lies between two equal ones."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from sidecar.adapters.bundle_files.seen import Sight
from sidecar.core.errors import BundleError, SourceRefused, SourceUnavailable
from sidecar.service.ports import Content, Fetched

_LOOK_EVERY: Final = 0.5
_TRIES: Final = 10
# File systems keep time in steps of up to 10 ms: within one step a second change can look like the first.
_STEP: Final = 20_000_000


class WatchedFiles:
    """`look` lists the files, `read` gives the content of what was seen; in a thread; both may raise OSError."""

    def __init__(self, name: str, look: Callable[[], Sight], read: Callable[[Sight], Content]) -> None:
        self._name = name
        self._look = look
        self._read = read

    async def fetch(self, tag: str | None, wait: float) -> Fetched | None:
        """As the port says. Raises SourceUnavailable for files that do not keep still."""
        if tag is not None and wait > 0 and not await self._changes(tag, wait):
            return None
        return await asyncio.to_thread(self._fetch, tag)

    async def _changes(self, tag: str, wait: float) -> bool:
        """Whether within `wait` seconds there is something else, and has been for one look."""
        loop = asyncio.get_running_loop()
        end = loop.time() + wait
        before = tag
        while (left := end - loop.time()) > 0:
            now = await asyncio.to_thread(self._tag)
            if now == before != tag:
                return True
            before = now
            await asyncio.sleep(min(_LOOK_EVERY, left))
        return False

    def _tag(self) -> str:
        """The mark of what is there; what cannot be seen has one too, so that its disappearing is a change."""
        try:
            return self._look().tag
        except (OSError, BundleError) as error:
            return type(error).__name__

    def _fetch(self, tag: str | None) -> Fetched | None:
        problem: OSError | None = None
        for _ in range(_TRIES):
            try:
                sight = self._look()
                if sight.tag == tag:
                    return None
                content = self._read(sight)
                if self._look().tag == sight.tag and not sight.is_young(_STEP):
                    return Fetched(content, sight.tag)
                problem = None
            except OSError as error:
                problem = error
            time.sleep(_STEP / 1e9)
        raise self._refusal(problem) from problem

    def _refusal(self, problem: OSError | None) -> SourceRefused | SourceUnavailable:
        """Why no try gave two equal looks: something cannot be read, or it changes all the time."""
        if problem is None:
            return SourceUnavailable(f"{self._name}: it changed each time that it was read")
        return SourceRefused(f"{problem.filename or self._name}: cannot be read: {problem.strerror}")
