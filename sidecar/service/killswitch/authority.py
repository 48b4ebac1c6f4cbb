"""Authority: read what is in force again and again, and at once when something says that a halt is over.

What cannot be read, or is not believed, releases nothing: what is in force stays, until it is blindness that denies.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec

from sidecar.core.errors import AuditError, FeedError, KillSwitchError, StoreError
from sidecar.service.killswitch.sight import Sight
from sidecar.service.killswitch.switch import KillSwitch
from sidecar.service.ports import Clock, Metrics, Reading, StateSource

_SPREAD: Final = 0.1
_FIRST_RETRY: Final = 0.1
_MOST_DOUBLINGS: Final = 10
# Hints are free for whoever may write to the queue; reads are not.
_BETWEEN_LOOKS: Final = 0.1
_logger = logging.getLogger(__name__)


class AuthorityStatus(msgspec.Struct, frozen=True):
    """How its reads go: `failing` is why the newest one told nothing, else ""; `failures` counts those by why."""

    name: str
    failing: str
    reads: int
    failures: dict[str, int]


class Authority:
    """`failures` counts reads that told nothing, by why; `failing` is why the newest one did not, else ""."""

    def __init__(
        self,
        source: StateSource,
        switch: KillSwitch,
        sight: Sight,
        clock: Clock,
        poll: float,
        chance: Callable[[], float],
        metrics: Metrics | None = None,
    ) -> None:
        """`poll` seconds between two reads; `chance` gives a number from 0 to below 1, anew at each call."""
        self.failures: Counter[str] = Counter()
        self.failing = ""
        self.reads = 0
        self._source = source
        self._switch = switch
        self._sight = sight
        self._clock = clock
        self._poll = poll
        self._chance = chance
        self._metrics = metrics
        self._asked = asyncio.Event()
        self._unsettled: Reading | None = None
        self._in_a_row = 0

    @property
    def name(self) -> str:
        return self._source.name

    def status(self) -> AuthorityStatus:
        return AuthorityStatus(self.name, self.failing, self.reads, dict(self.failures))

    def look(self) -> None:
        """Read it at once: what is under way may have been answered before."""
        self._asked.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._asked.clear()
            began = self._clock.monotonic()
            is_good = await self.read()
            took = self._clock.monotonic() - began
            await asyncio.sleep(_BETWEEN_LOOKS)
            pause = self._next(took) if is_good else self._retry()
            await self._until_asked(pause - _BETWEEN_LOOKS)

    async def read(self) -> bool:
        """Bring what is in force in line with what the authority says; whether it said anything."""
        asked_at = self._clock.monotonic()
        try:
            reading = await self._source.read(self._switch.epoch) or self._unsettled
            if reading is not None:
                await self._settle(reading)
        except FeedError as error:
            self._failed(error.why, error)
        except KillSwitchError as error:
            self._failed(error.what, error)
        except (StoreError, AuditError) as error:
            self._failed(error.kind, error)
        else:
            self._succeeded(asked_at)
            return True
        return False

    async def close(self) -> None:
        await self._source.close()

    async def _settle(self, reading: Reading) -> None:
        """In force at once. What could not be stored is tried again with the next read, though that has no news."""
        self._unsettled = reading
        changed = await self._switch.restate(reading.state, reading.epoch)
        self._unsettled = None
        if changed:
            _logger.info("%s: %d halts changed", self._source.name, len(changed))

    def _succeeded(self, asked_at: float) -> None:
        if self.failing:
            _logger.warning("what is halted is known again from %s", self._source.name)
        self.failing, self._in_a_row = "", 0
        self.reads += 1
        self._sight.confirmed(asked_at)

    def _failed(self, why: str, error: Exception) -> None:
        if self.failing != str(error):
            _logger.warning("what is halted could not be read: %s", error)
        self.failing = str(error)
        self.failures[why] += 1
        if self._metrics is not None:
            self._metrics.state_failed(why)

    def _next(self, took: float) -> float:
        return self._poll * (1 - _SPREAD + 2 * _SPREAD * self._chance()) - took

    def _retry(self) -> float:
        backoff = min(self._poll, _FIRST_RETRY * 2 ** min(self._in_a_row, _MOST_DOUBLINGS))
        self._in_a_row += 1
        return float(backoff * (0.5 + self._chance() / 2))

    async def _until_asked(self, pause: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, pause)):
                await self._asked.wait()
