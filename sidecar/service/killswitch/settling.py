"""Settling: what was halted by hand is stored and recorded, tried again for as long as that fails.

A message of the queue comes again until it is settled; a signal, a file or a person does not.
"""

import asyncio
import logging
from typing import Final

from sidecar.core.errors import AuditError, StoreError
from sidecar.service.killswitch.switch import KillSwitch

_logger = logging.getLogger(__name__)
_AGAIN: Final = 1.0


class Settling:
    """`unsettled` says why what is in force would not survive a restart; "" where it would."""

    def __init__(self, switch: KillSwitch) -> None:
        self.unsettled = ""
        self._switch = switch
        self._owed = asyncio.Event()

    def owe(self) -> None:
        """Something was enforced that is not stored yet."""
        self._owed.set()

    async def once(self) -> None:
        """Try now, if anything is owed."""
        if not self._owed.is_set():
            return
        self._owed.clear()
        try:
            await self._switch.settle(())
        except Exception as error:
            self._owed.set()
            if not self.unsettled:
                _logger.error("what is halted is in force, but would not survive a restart: %s", error)
            self.unsettled = str(error) or repr(error)
            if not isinstance(error, StoreError | AuditError):
                raise
        else:
            self.unsettled = ""

    async def run(self) -> None:
        """Whenever something is owed."""
        while True:
            await self._owed.wait()
            await self.once()
            if self.unsettled:
                await asyncio.sleep(_AGAIN)
