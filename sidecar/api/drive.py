"""Drive a handler to its end without a task.

A task costs as much as assessing the risk. What handlers await are futures (a record on its way to the disk, a
thread) and now and then the next turn of the loop; both are resumed here as `asyncio.Task` would. What needs a
current task (`asyncio.timeout`, `TaskGroup`) must not be used in a handler: it raises at once.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Drive(Generic[T]):
    """Runs handlers, one after the other; `done` gets what each returns, None if what it waited for was cancelled."""

    __slots__ = ("_coroutine", "_done", "_loop", "_on")

    def __init__(self, done: Callable[[T | None], None], loop: asyncio.AbstractEventLoop) -> None:
        self._coroutine: Coroutine[Any, None, T]
        self._done = done
        self._loop = loop
        self._on = self._step

    def start(self, coroutine: Coroutine[Any, None, T]) -> None:
        """Begin with the next turn of the loop; the run before must be done."""
        self._coroutine = coroutine
        self._loop.call_soon(self._on)

    def _step(self, _resolved: object = None) -> None:
        """Go on until the next wait, or to the end."""
        try:
            awaited = self._coroutine.send(None)
        except StopIteration as end:
            self._done(end.value)
            return
        except asyncio.CancelledError:
            self._done(None)
            return
        if awaited is None:  # asyncio.sleep(0)
            self._loop.call_soon(self._on)
        else:
            awaited._asyncio_future_blocking = False  # noqa: SLF001 - the protocol between futures and their driver
            awaited.add_done_callback(self._on)
