"""The signed state document as an authority: fetched like a bundle, verified aside, so that decisions go on."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from sidecar.core.bundle import Trust
from sidecar.core.errors import BundleError, FeedError, KillSwitchError
from sidecar.core.killswitch.book import Epoch
from sidecar.core.killswitch.document import Document, read_document
from sidecar.core.times import rfc3339
from sidecar.service.courtesy import politely
from sidecar.service.ports import BundleSource, Clock, Fetched, Reading

_NOT_YET: Final = "not_yet_valid"


class SignedState:
    """The port StateSource. What was refused stays so for as long as the place has nothing else."""

    def __init__(
        self, source: BundleSource, trust: Trust, clock: Clock, keys_version: Callable[[], int] = int
    ) -> None:
        """`keys_version` gives that of the key set that the bundle in force was checked by."""
        self.name = source.name
        self._source = source
        self._trust = trust
        self._clock = clock
        self._keys_version = keys_version
        self._tag: str | None = None
        self._document: Document | None = None
        self._refused: KillSwitchError | None = None
        self._thread = ThreadPoolExecutor(1, "halts-reader")

    async def read(self, newest: Epoch) -> Reading | None:
        """As the port says. A server that has nothing newer confirms what it gave, for as long as that holds."""
        asked_at = self._clock.now()
        try:
            fetched = await self._source.fetch(self._tag, 0.0)
        except BundleError as error:
            raise FeedError(error.kind, str(error)) from error
        if fetched is None:
            self._check_known()
            return None
        self._document = await self._verified(fetched, newest, asked_at)
        return Reading(self._document.state, self._document.epoch)

    async def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
        await self._source.close()

    async def _verified(self, fetched: Fetched, newest: Epoch, asked_at: float) -> Document:
        self._tag, self._document = fetched.tag, None
        self._refused = KillSwitchError("unread", "what was fetched before was never read to its end")
        # A folder is no signed document; what has no bytes is refused as one that is empty.
        raw = fetched.content if isinstance(fetched.content, bytes) else b""
        try:
            now, keys = self._clock.now(), self._keys_version()
            work = partial(read_document, raw, self._trust, newest, now, asked_at, keys)
            document = await asyncio.get_running_loop().run_in_executor(self._thread, politely, work)
        except KillSwitchError as error:
            self._refused = error
            if error.what == _NOT_YET:
                self._tag = None  # the same bytes will be good one day
            raise
        self._refused = None
        return document

    def _check_known(self) -> None:
        if self._refused is not None:
            raise self._refused
        if self._document is None or self._clock.now() >= self._document.expires_at:
            at = rfc3339(self._document.expires_at) if self._document else "an unknown time"
            raise KillSwitchError("expired", f"the state document expired at {at}, and there is no newer one")
