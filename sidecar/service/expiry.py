"""Expiry: holds whose time is over become denies, each with a record."""

import asyncio
import logging

from sidecar.core.errors import AuditError
from sidecar.core.record import ExpiryRecord, Hold, encode_record
from sidecar.service.holds import Holds
from sidecar.service.ports import Clock, DecisionLog

_logger = logging.getLogger(__name__)
_LOOK_EVERY = 1.0


class Expiry:
    """A hold is denied from its deadline on, whether or not its record could be written yet."""

    def __init__(self, holds: Holds, log: DecisionLog, clock: Clock, within: float) -> None:
        self._holds = holds
        self._log = log
        self._clock = clock
        self._within = within
        self._owed: list[tuple[int, Hold]] = []

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            await self.expire()

    async def expire(self) -> None:
        """Record what has expired; what could not be recorded is tried again the next time."""
        self._owed += self._holds.expire(self._clock.now())
        while self._owed:
            seq, hold = self._owed[0]
            record = ExpiryRecord(seq, hold.id, self._clock.now())
            try:
                await self._log.append(encode_record(record), self._within)
            except AuditError as error:
                _logger.warning("the expiry of approval %s is not recorded yet: %s", hold.id, error)
                return
            self._owed.pop(0)
