"""Activity: when the last request came, which is what an orderly stop waits for."""

import asyncio

from sidecar.service.ports import Clock

_QUIET_SECONDS = 1.0
_LOOK_EVERY = 0.05


class Activity:
    """Touched by every request on a decision door."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = clock.monotonic()

    def touch(self) -> None:
        self._last = self._clock.monotonic()

    async def ebb(self, grace: float, cut_short: asyncio.Event) -> None:
        """Return when no request has come for a second, when `grace` seconds are over, or when cut short."""
        started = self._clock.monotonic()
        while not cut_short.is_set():
            now = self._clock.monotonic()
            if now - max(self._last, started) >= _QUIET_SECONDS or now - started >= grace:
                return
            await asyncio.sleep(_LOOK_EVERY)
