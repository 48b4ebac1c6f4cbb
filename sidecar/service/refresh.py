"""Refresh: load -> parse and compile aside -> record -> activate by one swap. On any failure the last good stays."""

import asyncio
import gc
import logging
import sys
from collections.abc import Mapping

from sidecar.core.bundle import Bundle, load_folder
from sidecar.core.errors import AuditError, BundleError
from sidecar.core.masking import Masker
from sidecar.core.record import EventRecord, encode_record
from sidecar.service.ports import Clock, DecisionLog, Metrics, PolicySource
from sidecar.service.state import State

_log = logging.getLogger(__name__)
_PIECE = 50
_YIELD_EVERY = 0.0005


class Refresher:
    """Holds the source and puts what it gives into the state."""

    def __init__(
        self,
        source: PolicySource,
        defaults: Mapping[str, bytes],
        state: State,
        log: DecisionLog,
        clock: Clock,
        metrics: Metrics,
        masking_key: bytes,
        own: tuple[str, ...],
        within: float,
    ) -> None:
        self._source = source
        self._defaults = defaults
        self._state = state
        self._log = log
        self._clock = clock
        self._metrics = metrics
        self._masking_key = masking_key
        self._own = own
        self._within = within
        self._turn = asyncio.Lock()

    async def refresh(self) -> bool:
        """Whether another bundle is active now. Raises BundleError or AuditError; the last good then stays."""
        async with self._turn:
            try:
                bundle = await asyncio.to_thread(self._load)
                return await self._activate(bundle)
            except (BundleError, AuditError) as error:
                self._state.refuse(str(error), self._clock.now())
                self._metrics.bundle_refused()
                _log.error("bundle not activated, the last good one stays: %s", error)
                raise

    def _load(self) -> Bundle:
        """In a thread that gives way to the loop every half a millisecond, and without the collector.

        Collections while ten thousand rules are made would double the time, and stop the loop.
        """
        usual = sys.getswitchinterval()
        sys.setswitchinterval(_YIELD_EVERY)
        gc.disable()
        try:
            return load_folder(self._source.load(), self._defaults, self._source.name, self._own)
        finally:
            # What stays is never looked at again by the collector: one look over ten thousand rules stops the loop
            # for 150 ms. A load makes no cycles, so nothing is lost by it.
            gc.freeze()
            gc.enable()
            sys.setswitchinterval(usual)

    async def _activate(self, bundle: Bundle) -> bool:
        now = self._clock.now()
        active = self._state.snapshot.bundle
        if active is None or active.digest != bundle.digest:
            details = {"revision": bundle.revision, "digest": bundle.digest, "source": bundle.source}
            record = EventRecord("activated", now, details)
            await self._log.append(encode_record(record), self._within)
        parts = active.policies.parts() if active else []
        del active
        changed = self._state.activate(bundle, Masker(bundle.masking, self._masking_key), now)
        if changed:
            self._metrics.bundle(bundle.revision, now)
            _log.info("bundle %s from %s is active", bundle.revision, bundle.source)
            await _let_go(parts)
        return changed


async def _let_go(parts: list[object]) -> None:
    """Free the parts of a bundle that nobody uses any more, a few in each turn of the loop."""
    while parts:
        del parts[-_PIECE:]
        await asyncio.sleep(0)
