"""Loading: what a source gave becomes a bundle, verified and compiled in one thread that gives way to the loop."""

import asyncio
import gc
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sidecar.core.bundle import Bundle, Floor, Trust, compile_bundle, folder_digest, load_folder, verify
from sidecar.core.errors import UntrustedBundle
from sidecar.service.courtesy import politely
from sidecar.service.ports import Content

T = TypeVar("T")


class Loader:
    """`trust` None: only a trusted folder's files are loaded; with it, only signed bytes.

    `defaults` are the data tables of the package for folders, `own` the daemon's absolute folders, which it guards.
    """

    def __init__(self, trust: Trust | None, defaults: Mapping[str, bytes], own: tuple[str, ...]) -> None:
        self._trust = trust
        self._defaults = defaults
        self._own = own
        # One load at a time: each changes settings of the whole interpreter, and msgspec crashes the process when two
        # threads are the first to read the same type.
        self._thread = ThreadPoolExecutor(1, "bundle-loader")

    @property
    def name(self) -> str:
        """What the bundles are called that this loader takes."""
        return self._trust.name if self._trust else "default"

    @property
    def verifies(self) -> bool:
        return self._trust is not None

    async def load(
        self, content: Content, source: str, floor: Floor, now: float, known: Bundle | None
    ) -> Bundle | None:
        """The bundle, or None if it is the `known` one, signed by the same keys. Raises BundleError."""
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, _kept, lambda: self._load(content, source, floor, now, known)
        )

    def _load(
        self, content: Content, source: str, floor: Floor, now: float, known: Bundle | None
    ) -> Bundle | None:
        if isinstance(content, bytes):
            if self._trust is None:
                raise UntrustedBundle("there are no keys to verify it by")
            verified = verify(content, self._trust, floor, now)
            if known and (verified.payload.digest, verified.signed) == (known.digest, known.signed):
                return None
            return compile_bundle(verified, source, self._own)
        if self._trust is not None:
            raise UntrustedBundle("a folder is not signed")
        if known and folder_digest(content, self._defaults) == known.digest:
            return None
        return load_folder(content, self._defaults, source, self._own)


def _kept(work: Callable[[], T]) -> T:
    """What stays is never looked at again by the collector: one look over ten thousand rules stops the loop 150 ms.

    That has to be settled before the collector is let in again. A load makes no cycles, so nothing is lost by it.
    """

    def kept() -> T:
        try:
            return work()
        finally:
            gc.freeze()

    return politely(kept)
