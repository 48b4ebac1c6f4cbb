"""A subscription: what one reader is to be told, numbered, in order, and never more of it than there is room for."""

import asyncio
from collections.abc import Callable
from typing import Final

from sidecar.service.killswitch.events import CUT, Event

_WAITING_AT_MOST: Final = 1024


Numbered = tuple[int, Event]


class Subscription:
    """Iterate over it for what is new, as often as there is anything. `watches` are the agents that it tells of.

    `caller` is the key of who reads it; None for one who may read everything. `is_growing`: agents that the caller
    asks for later are watched too.
    """

    def __init__(
        self, ended: Callable[["Subscription"], None], caller: str | None = None, *, is_growing: bool = False
    ) -> None:
        self.caller = caller
        self.is_growing = is_growing
        self.watches: dict[str, None] = {}
        self._ended = ended
        self._number = 0
        self._queue: list[Numbered] = []
        self._is_over = False
        self._waiter: asyncio.Future[None] | None = None

    def push(self, event: Event) -> None:
        """Tell it. One who has let too much pile up is told nothing more, so that it must begin anew."""
        if self._is_over:
            return
        if len(self._queue) >= _WAITING_AT_MOST:
            self._queue.clear()
            self.end(CUT)
            return
        self._add(event)

    def end(self, last: Event) -> None:
        """Tell it that, and nothing after it."""
        if not self._is_over:
            self._add(last)
            self._finish()

    def close(self) -> None:
        """The reader is gone."""
        self._queue.clear()
        self._finish()

    def __aiter__(self) -> "Subscription":
        return self

    async def __anext__(self) -> list[Numbered]:
        while not self._queue:
            if self._is_over:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        queue, self._queue = self._queue, []
        return queue

    def _add(self, event: Event) -> None:
        if event.word:
            self._number += 1
        self._queue.append((self._number, event))
        self._wake()

    def _finish(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._ended(self)
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
