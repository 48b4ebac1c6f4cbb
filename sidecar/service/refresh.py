"""Refresh: fetch -> verify and compile aside -> activate. On any failure the last good stays, until it ends."""

import asyncio
import logging
from typing import Final

from sidecar.core.bundle import Bundle, Floor
from sidecar.core.errors import (
    AuditError,
    BundleError,
    ExpiredBundle,
    MalformedBundle,
    NotABundle,
    SidecarError,
    StoreError,
    UntrustedBundle,
    WrongPayloadType,
)
from sidecar.core.model import Code
from sidecar.service.activation import Activator
from sidecar.service.loading import Loader
from sidecar.service.lookout import Look, Lookout, again_and_again
from sidecar.service.pace import Pace
from sidecar.service.ports import BundleStore, Clock, Kept, Metrics
from sidecar.service.state import State

_log = logging.getLogger(__name__)
# Refusals that say of stored bytes that they are not what was stored, or not by keys that are trusted now.
_CORRUPT: Final = (NotABundle, MalformedBundle, UntrustedBundle, WrongPayloadType)
_NOTE_EVERY: Final = 60.0
_NOTES_A_STALENESS: Final = 20
_STORED: Final = "stored by the last run"


class Refresher:
    """Puts into force what the source has, and at the start what the last run stored."""

    def __init__(
        self,
        lookout: Lookout,
        loader: Loader,
        activator: Activator,
        store: BundleStore,
        state: State,
        clock: Clock,
        metrics: Metrics,
        pace: Pace,
    ) -> None:
        self._lookout = lookout
        self._loader = loader
        self._activator = activator
        self._store = store
        self._state = state
        self._clock = clock
        self._metrics = metrics
        self._pace = pace
        self._turn = asyncio.Lock()
        self._noted_at = 0.0
        self._is_owed = False

    async def start(self, *, require: bool) -> None:
        """Put the stored bundle into force; without one, and if there must be one, what the source has now.

        Raises BundleError, StoreError or AuditError when there must be a bundle and is none.
        """
        if self._loader.verifies:
            await self._try_to_restore()
        if require and self._state.snapshot.bundle is None:
            await self.refresh()

    async def run(self) -> None:
        """Look again and again until cancelled."""
        first = self._pace.first(has_bundle=self._state.snapshot.bundle is not None)
        await again_and_again(self._look, self._pace, self._clock.monotonic, first)

    async def refresh(self) -> bool:
        """Look now, whatever was seen before. Whether another bundle is in force because of it.

        Raises BundleError, AuditError or StoreError; the last good bundle then stays.
        """
        return await self._look(0.0, anew=True)

    async def promote(self, bundle: Bundle, raw: bytes | None) -> None:
        """Put a bundle into force that came by another way; its signed bytes are verified as of now.

        Raises BundleError, AuditError or StoreError.
        """
        async with self._turn:
            if raw is not None:
                again = await self._loader.load(
                    raw, bundle.source, await self._floor(), self._clock.now(), None
                )
                bundle = again or bundle
            await self._activator.activate(bundle, raw)

    async def close(self) -> None:
        await self._lookout.close()

    async def _look(self, wait: float, *, anew: bool = False) -> bool:
        if self._is_owed and self._state.snapshot.bundle is None:
            await self._try_to_restore()
        try:
            look = await self._lookout.look(self._state.snapshot.bundle, wait, anew=anew)
            async with self._turn:
                return await self._take(look)
        except (BundleError, AuditError, StoreError) as error:
            self._refuse(error)
            raise

    async def _take(self, look: Look) -> bool:
        active = self._state.snapshot.bundle
        is_new = look.bundle is not None and not (active and active.digest == look.bundle.digest)
        if look.bundle is not None:
            await self._activator.activate(look.bundle, look.raw)
        elif look.is_verified:
            self._state.verified_at = self._clock.now()
        if look.is_confirmed:
            await self._confirm()
        return is_new

    async def _try_to_restore(self) -> None:
        """A log that is slow to take the record is no reason not to start: everything is denied, and it is owed."""
        try:
            await self._restore()
            self._is_owed = False
        except AuditError as error:
            self._is_owed = True
            self._refuse(error)

    async def _restore(self) -> None:
        """What the last run stored, verified again. Corrupt bytes are put aside; the source is asked later."""
        floor, kept = await self._floor(), await self._kept()
        if kept is None:
            return
        try:
            bundle = await self._loader.load(kept.raw, _STORED, floor, self._clock.now(), None)
        except BundleError as error:
            self._refuse(error)
            if isinstance(error, ExpiredBundle):
                self._state.lacks(Code.BUNDLE_EXPIRED)
            if isinstance(error, _CORRUPT):
                await asyncio.to_thread(self._store.quarantine)
            return
        if bundle is not None and bundle.signed is not None:
            issued_at = bundle.signed.issued_at
            await self._activator.activate(bundle, None)
            # A look of a time that is still to come was taken by a clock that was wrong: it says nothing.
            has_looked = 0.0 < kept.checked_at <= self._clock.now()
            looked = (kept.checked_at, kept.changed_at) if has_looked else (issued_at, issued_at)
            self._state.found_in_store(*looked)

    async def _floor(self) -> Floor:
        return await asyncio.to_thread(self._store.floor, self._loader.name)

    async def _kept(self) -> Kept | None:
        try:
            return await asyncio.to_thread(self._store.load)
        except StoreError as error:
            self._state.unstored = str(error)
            _log.error("the stored bundle cannot be read: %s", error)
            return None

    async def _confirm(self) -> None:
        now = self._clock.now()
        self._state.checked(now)
        self._metrics.bundle_checked(now)
        if self._loader.verifies and abs(now - self._noted_at) >= self._note_every:
            await self._note(now)

    @property
    def _note_every(self) -> float:
        return min(_NOTE_EVERY, self._state.max_staleness / _NOTES_A_STALENESS)

    async def _note(self, now: float) -> None:
        """Staleness goes on counting where the last run stopped, or restarts would make an old bundle young."""
        try:
            await asyncio.to_thread(self._store.note, now, self._state.changed_at)
            self._noted_at = now
        except StoreError as error:
            self._state.unstored = str(error)
            _log.error("the time of the last look is not stored: %s", error)

    def _refuse(self, error: SidecarError) -> None:
        before = self._state.refusal
        self._state.refuse(error, self._clock.now())
        self._metrics.bundle_refused(error.kind)
        if before is None or before.reason != str(error):
            _log.error("bundle not activated, the last good one stays: %s", error)
