"""Repeating: which calls are made again, and after how long.

Any call whose connection was refused: the platform never saw it. After 429, 502, 503, 504, or a connection that ended
before a byte of an answer, the platform may have seen it; then a GET, which changes nothing, and a submit under a
correlation id. The platform takes the id for the same action, and should it not, the worst is an action on its books
that nobody does: each answer is a verdict of its own, and only the last one counts. An answer that broke off in its
body is not asked for again. Calls that are passed on are never repeated: their senders repeat them.
"""

from collections.abc import Callable
from typing import Final

from sidecar.adapters.platform_http.replies import Again, Attempt
from sidecar.service.ports import PlatformCall

MOST_REPEATS: Final = 3
_FIRST: Final = 0.1


class Repeating:
    """`chance` gives a number from 0 to below 1, anew at each call."""

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance

    def pause(self, call: PlatformCall, attempt: Attempt, repeats: int, left: float) -> float | None:
        """Seconds until the call is made again, after `repeats` already; None if it is not.

        Twice as long each time, half of it by chance, and never less than the platform asks for: what does not fit
        into the `left` seconds is not waited for at all.
        """
        if repeats >= MOST_REPEATS or not may_repeat(call, attempt.again):
            return None
        pause = max(_FIRST * 2**repeats * (0.5 + self._chance() / 2), attempt.retry_after)
        return pause if pause < left else None


def may_repeat(call: PlatformCall, again: Again) -> bool:
    if call.sender is not None or again is Again.NEVER:
        return False
    return again is Again.ALWAYS or call.method == "GET" or bool(call.correlation_id)
