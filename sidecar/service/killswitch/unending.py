"""Unending: the loops of the kill switch go on whatever happens in them.

A daemon that stops denies, and so does one that is blind. But one that stops can neither be halted by hand nor be
asked why, and a message that ends it would end it at each start, for as long as it lies in the queue. So what nobody
foresaw is told with its trace, and the loop begins anew; while that does not help, it is blindness that denies.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeAlias

_logger = logging.getLogger(__name__)
_PAUSE: Final = 0.5

Loop: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


async def unending(loop: Loop) -> None:
    """Until cancelled: by whoever runs it, and not because something that it awaits was."""
    task = asyncio.current_task()
    while True:
        try:
            await loop()
        except (Exception, asyncio.CancelledError):
            if task is not None and task.cancelling():
                raise
            _logger.exception("%s failed as nobody foresaw, and begins anew", loop.__qualname__)
        await asyncio.sleep(_PAUSE)
