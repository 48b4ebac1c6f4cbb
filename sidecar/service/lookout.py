"""Lookout: what a source has, verified and compiled aside. What was refused is not looked at until it changes."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sidecar.core.bundle import Bundle, Floor
from sidecar.core.errors import AuditError, BundleError, NotYetValidBundle, StoreError
from sidecar.service.loading import Loader
from sidecar.service.pace import Pace
from sidecar.service.ports import BundleSource, BundleStore, Clock


@dataclass(frozen=True, slots=True)
class Look:
    """`bundle` is new, with its signed bytes where it has any; None if there is none that was not known before.

    `is_confirmed`: what is known is what the source has. `is_verified`: its signatures were looked at just now.
    """

    bundle: Bundle | None = None
    raw: bytes | None = None
    is_confirmed: bool = True
    is_verified: bool = True


class Lookout:
    """One source. The tag of what it gave last is kept here, whether that was taken or refused."""

    def __init__(self, source: BundleSource, loader: Loader, store: BundleStore, clock: Clock) -> None:
        self._source = source
        self._loader = loader
        self._store = store
        self._clock = clock
        self._tag: str | None = None
        self._is_refused = False

    async def look(self, known: Bundle | None, wait: float, *, anew: bool = False) -> Look:
        """What the source has beside the `known` bundle; `anew`: whatever was seen before.

        Raises BundleError, or StoreError when the floor cannot be read.
        """
        fetched = await self._source.fetch(None if anew else self._tag, wait)
        if fetched is None:
            return Look(is_confirmed=not self._is_refused, is_verified=False)
        floor, now = await self._floor(), self._clock.now()
        self._tag, self._is_refused = fetched.tag, True
        try:
            bundle = await self._loader.load(fetched.content, self._source.name, floor, now, known)
        except NotYetValidBundle:
            self._tag = None  # the same bytes will be good one day
            raise
        self._is_refused = False
        return Look(bundle, fetched.content if bundle and isinstance(fetched.content, bytes) else None)

    async def close(self) -> None:
        await self._source.close()

    async def _floor(self) -> Floor:
        if not self._loader.verifies:
            return Floor()
        return await asyncio.to_thread(self._store.floor, self._loader.name)


async def again_and_again(
    look: Callable[[float], Awaitable[bool]], pace: Pace, monotonic: Callable[[], float], first: float
) -> None:
    """Look after `first` seconds and then whenever `pace` says, until cancelled.

    `look` gets the seconds to wait for news and tells whether there were any.
    """
    pause = first
    while True:
        await asyncio.sleep(pause)
        began = monotonic()
        try:
            is_news = await look(pace.wait)
        except (BundleError, AuditError, StoreError) as error:
            pause = pace.retry(error)
        else:
            pause = pace.next(monotonic() - began, is_news=is_news)
