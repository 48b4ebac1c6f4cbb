"""A queue in memory, as SQS is with a visibility timeout of 0: what was received comes again until it is deleted."""

import asyncio
import contextlib
import random
from collections.abc import Sequence

from sidecar.core.errors import FeedError
from sidecar.service.ports import FeedTrouble, Message


class FakeOrderFeed:
    """`failing` is raised by every receive while it is set, `undeletable` by every delete.

    `chance` makes the order one of its own, `again` lets what was deleted come once more. `events` is what was done.
    """

    def __init__(self, events: list[str] | None = None) -> None:
        self.name = "memory"
        self.failing: FeedError | None = None
        self.undeletable: FeedError | None = None
        self.chance: random.Random | None = None
        self.again: set[str] = set()
        self.waits: list[float] = []
        self.events = events if events is not None else []
        self.is_closed = False
        self._bodies: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._handles: dict[str, str] = {}
        self._sent = 0
        self._news = asyncio.Event()

    def __len__(self) -> int:
        return len(self._bodies)

    def send(self, body: str, number: int = 0) -> str:
        """The message's id. It was received by others `number` times."""
        self._sent += 1
        identity = f"m{self._sent}"
        self._bodies[identity] = body
        self._counts[identity] = number
        self._news.set()
        return identity

    def fail(self, error: FeedError | None) -> None:
        """From now on, for a poll that is under way too."""
        self.failing = error
        self._news.set()

    async def receive(self, wait: float) -> Sequence[Message]:
        self.waits.append(wait)
        if self.failing is None and not self._bodies and wait > 0:
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._news.wait()
        if self.failing is not None:
            raise self.failing
        names = list(self._bodies)
        if self.chance is not None:
            self.chance.shuffle(names)
        if names:
            self.events.append("receive")
        await asyncio.sleep(0)
        return [self._give(name) for name in names[:10]]

    async def delete(self, handles: Sequence[str]) -> None:
        await asyncio.sleep(0)
        if self.undeletable is not None:
            self.events.append("not deleted")
            raise self.undeletable
        if len(handles) > 10 or not handles:
            raise AssertionError("one to ten at a time")
        unknown = [handle for handle in handles if handle not in self._handles]
        for handle in handles:
            name = self._handles.get(handle, "")
            if name in self.again:
                self.again.discard(name)
            else:
                self._bodies.pop(name, None)
        self.events.append("delete")
        if unknown:
            raise FeedError(
                FeedTrouble.UNDELETED, f"{len(unknown)} of {len(handles)} messages were not deleted"
            )

    async def close(self) -> None:
        self.is_closed = True
        self._news.set()

    def _give(self, name: str) -> Message:
        self._counts[name] += 1
        handle = f"{name}-{self._counts[name]}"
        self._handles[handle] = name
        return Message(name, self._bodies[name], handle, self._counts[name])
