"""Credentials: botocore's chain, asked in a thread, and what it gave kept until it is really over.

botocore raises from ten minutes before the end on when its source does not answer, and blocks for seconds meanwhile.
Here what is held is used to its last second, and only who has nothing waits for the source. Token files are read by
botocore at each refresh.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import botocore.session
from botocore.credentials import ReadOnlyCredentials

from sidecar.core.errors import FeedError
from sidecar.service.ports import FeedTrouble

_logger = logging.getLogger(__name__)
FOREVER: Final = float("inf")
# As botocore: from here on a refresh is tried, and there is time for many of them.
_EARLY: Final = 15 * 60.0
_BETWEEN: Final = 10.0


@dataclass(frozen=True, slots=True)
class Held:
    """`until` is in epoch seconds by the machine's clock, for ever where the source names no end."""

    keys: ReadOnlyCredentials
    until: float = FOREVER


class Credentials:
    """`now` is the machine's wall clock, which botocore's own times are of."""

    def __init__(self, load: Callable[[], Held], now: Callable[[], float]) -> None:
        """`load` blocks, and raises FeedError where there are none to be had."""
        self._load = load
        self._now = now
        self._held: Held | None = None
        self._loading: asyncio.Future[Held] | None = None
        self._next_load = 0.0

    async def get(self) -> ReadOnlyCredentials:
        """Raises FeedError. Waits only where nothing is held that counts."""
        now = self._now()
        held = self._held
        if held is None or held.until <= now:
            return (await asyncio.shield(self._refresh())).keys
        if held.until - now < _EARLY and now >= self._next_load:
            self._refresh()
        return held.keys

    def reject(self, keys: ReadOnlyCredentials) -> None:
        """AWS does not take them: ask the source anew, unless that has given others since."""
        if self._held is not None and self._held.keys == keys:
            self._held = None

    def _refresh(self) -> asyncio.Future[Held]:
        """One at a time, in a thread that neither the loop nor the end of the process waits for."""
        if self._loading is None:
            self._next_load = self._now() + _BETWEEN
            self._loading = in_thread(self._load)
            self._loading.add_done_callback(self._take)
        return self._loading

    def _take(self, loading: asyncio.Future[Held]) -> None:
        self._loading = None
        if loading.cancelled():
            return
        if error := loading.exception():
            _logger.warning("AWS credentials could not be renewed: %s", error)
        else:
            self._held = loading.result()


class Chain:
    """botocore's standard chain: environment, files, web identity, containers, instance metadata."""

    def __init__(self) -> None:
        self._credentials: Any = None
        self._given: ReadOnlyCredentials | None = None

    def load(self) -> Held:
        """Blocks, for seconds where a source does not answer. Raises FeedError, without keys in its text."""
        try:
            return self._read()
        except FeedError:
            raise
        except Exception as error:  # noqa: BLE001 - what a source answers makes botocore raise whatever it may
            self._credentials = None
            raise FeedError(FeedTrouble.CREDENTIALS, f"no AWS credentials: {_told(error)}") from None

    def _read(self) -> Held:
        found = self._credentials or botocore.session.Session().get_credentials()
        if found is None:
            raise FeedError(FeedTrouble.CREDENTIALS, "no AWS credentials were found")
        keys = found.get_frozen_credentials()
        if found is self._credentials and keys == self._given:
            # They were asked for because those were refused, or are about to end and did not change: begin anew.
            found = botocore.session.Session().get_credentials() or found
            keys = found.get_frozen_credentials()
        self._credentials, self._given = found, keys
        # botocore tells nobody when they end, and asks for new ones long before.
        ends = getattr(found, "_expiry_time", None)
        return Held(keys, FOREVER if ends is None else ends.timestamp())


def _told(error: Exception) -> str:
    """By name only: the text of botocore's errors holds what the source answered, keys among it."""
    provider = getattr(error, "kwargs", {}).get("provider", "")
    return f"{type(error).__name__}{f' ({provider})' if provider else ''}"


def in_thread(work: Callable[[], Held]) -> asyncio.Future[Held]:
    """`asyncio.to_thread` would keep the process from ending for as long as the work hangs."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Held] = loop.create_future()

    def settle(held: Held | None, error: BaseException | None) -> None:
        if future.done():
            return
        if held is not None:
            future.set_result(held)
        elif error is not None:
            future.set_exception(error)

    def run() -> None:
        held, problem = None, None
        try:
            held = work()
        except Exception as error:  # noqa: BLE001 - it belongs to who awaits it
            problem = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, held, problem)

    try:
        threading.Thread(target=run, name="aws-credentials", daemon=True).start()
    except RuntimeError as error:
        future.set_exception(FeedError(FeedTrouble.CREDENTIALS, f"no AWS credentials: {error}"))
    return future
