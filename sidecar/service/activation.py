"""Activation: a loaded bundle comes into force.

1. Record it, with the floor that it sets. What cannot be recorded does not come into force.
2. Store its exact signed bytes, then the floor. What cannot be stored comes into force all the same: a full disk must
   not keep a stricter policy out. Health says so, and the next activation or look tries again.
3. Swap it in, in one assignment; free the old one in pieces.
"""

import asyncio
import logging
from typing import Final

from sidecar.core.bundle import Bundle, Floor
from sidecar.core.errors import StoreError
from sidecar.core.masking import Masker
from sidecar.core.model import Object
from sidecar.core.record import EventRecord, encode_record
from sidecar.service.ports import BundleStore, Clock, DecisionLog, Metrics
from sidecar.service.state import State

_log = logging.getLogger(__name__)
_PIECE: Final = 50
_PATIENCE: Final = 5.0  # nobody waits for an answer here, as they do for decisions


class Activator:
    """The only one that changes which bundle is in force."""

    def __init__(
        self,
        state: State,
        store: BundleStore,
        log: DecisionLog,
        clock: Clock,
        metrics: Metrics,
        masking_key: bytes,
    ) -> None:
        self._state = state
        self._store = store
        self._log = log
        self._clock = clock
        self._metrics = metrics
        self._masking_key = masking_key

    async def activate(self, bundle: Bundle, raw: bytes | None) -> None:
        """Put it into force. `raw` are its signed bytes, None where they are stored or there are none.

        Raises AuditError, or StoreError when the floor cannot be read.
        """
        before = await asyncio.to_thread(self._store.floor, bundle.name) if bundle.signed else Floor()
        after = before.after(bundle.signed, bundle.digest) if bundle.signed else before
        await self._record(bundle, before, after)
        if bundle.signed:
            self._clock.raise_floor(bundle.signed.issued_at)
            await self._keep(bundle, raw, after)
        active = self._state.snapshot.bundle
        parts = active.policies.parts() if active else []
        del active
        now = self._clock.now()
        self._state.activate(bundle, Masker(bundle.masking, self._masking_key), now)
        self._metrics.bundle_activated(bundle, now)
        _log.info("bundle %s from %s is in force", bundle.revision, bundle.source)
        await _let_go(parts)

    async def _record(self, bundle: Bundle, before: Floor, after: Floor) -> None:
        details: Object = {"revision": bundle.revision, "digest": bundle.digest, "source": bundle.source}
        if bundle.signed:
            details |= {"name": bundle.name, "signers": bundle.signed.signers, "floor": after.revision}
        if after.revision < before.revision:
            details["downgrade_from"] = before.revision
            _log.warning("a signed downgrade lowers the floor from %d to %d", before.revision, after.revision)
        record = EventRecord("activated", self._clock.now(), details)
        await self._log.append(encode_record(record), _PATIENCE)

    async def _keep(self, bundle: Bundle, raw: bytes | None, floor: Floor) -> None:
        try:
            if raw is not None:
                await asyncio.to_thread(self._store.save, raw)
            await asyncio.to_thread(self._store.set_floor, bundle.name, floor)
        except StoreError as error:
            self._state.unstored = str(error)
            self._metrics.bundle_unstored()
            _log.error("the bundle is in force but not stored: %s", error)
        else:
            self._state.unstored = ""


async def _let_go(parts: list[object]) -> None:
    """Free the parts of a bundle that nobody uses any more, a few in each turn of the loop."""
    while parts:
        del parts[-_PIECE:]
        await asyncio.sleep(0)
