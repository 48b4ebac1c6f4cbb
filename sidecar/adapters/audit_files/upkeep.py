"""Upkeep: what goes on beside the appends, for as long as the daemon lives."""

import asyncio
import contextlib
import logging
import threading
import time
from typing import Final

import msgspec

from sidecar.adapters.audit_files import operations as op
from sidecar.adapters.audit_files.engine import Engine
from sidecar.adapters.audit_files.layout import Layout
from sidecar.adapters.audit_files.ledger import Ledger
from sidecar.adapters.audit_files.retention import Survey, survey
from sidecar.adapters.audit_files.settings import AuditSettings, Fsync
from sidecar.adapters.audit_files.verifying import Report, Walk
from sidecar.adapters.audit_files.witness import Witness
from sidecar.core.errors import AuditError
from sidecar.core.note import VerifierKey
from sidecar.service.ports import Clock

_MEND_EVERY: Final = 1.0
_WITNESS_AGAIN: Final = 10.0
_WITNESS_AT_END: Final = 2.0
_CHECK_REST: Final = 9  # times as long as it works: at most a tenth of a processor

_logger = logging.getLogger(__name__)


class Upkeep:
    """Each loop is its own task; `run` ends when it is cancelled."""

    def __init__(
        self,
        engine: Engine,
        ledger: Ledger,
        layout: Layout,
        key: VerifierKey,
        settings: AuditSettings,
        clock: Clock,
        witness: Witness | None,
    ) -> None:
        self._engine = engine
        self._ledger = ledger
        self._layout = layout
        self._key = key
        self._settings = settings
        self._clock = clock
        self._witness = witness
        self.sealed_bytes = 0
        self.witness_problem = ""
        self.report: Report | None = None

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._mend())
            group.create_task(self._checkpoint())
            group.create_task(self._keep_small())
            group.create_task(self._check())
            if self._settings.fsync is Fsync.INTERVAL:
                group.create_task(self._sync())
            if self._witness is not None:
                group.create_task(self._tell(self._witness))

    async def tell_last(self) -> None:
        """Give the witness what it has not got yet; briefly."""
        publisher = self._engine.publisher
        if self._witness is not None and publisher.news.is_set():
            with contextlib.suppress(AuditError, OSError, TimeoutError):
                async with asyncio.timeout(_WITNESS_AT_END):
                    await self._witness.publish(publisher.note)

    async def _mend(self) -> None:
        while True:
            await self._engine.trouble.wait()
            if not await self._engine.mend():
                await asyncio.sleep(_MEND_EVERY)

    async def _checkpoint(self) -> None:
        waiting = False
        while True:
            await asyncio.sleep(self._settings.checkpoint_every)
            self._engine.publish()
            self._engine.prepare()
            # Gaps go into the next record; if none comes, they get their own.
            if waiting and self._ledger.has_gaps and not self._engine.committer.refusal:
                self._engine.committer.record(msgspec.json.encode({"type": "unrecorded"}))
            waiting = self._ledger.has_gaps

    async def _sync(self) -> None:
        while True:
            await asyncio.sleep(self._settings.interval)
            self._engine.sync()

    async def _tell(self, witness: Witness) -> None:
        publisher = self._engine.publisher
        while True:
            await publisher.news.wait()
            publisher.news.clear()
            try:
                await witness.publish(publisher.note)
                self.witness_problem = ""
            except (AuditError, OSError) as error:
                self.witness_problem = str(error)
                publisher.news.set()
                await asyncio.sleep(_WITNESS_AGAIN)

    async def _keep_small(self) -> None:
        while True:
            published, now = self._engine.publisher.published, self._clock.now()
            try:
                seen = await asyncio.to_thread(survey, self._layout, self._settings, published, now)
            except OSError as error:
                _logger.warning("the segments of the decision log cannot be looked at: %s", error)
            else:
                self.sealed_bytes = seen.sealed_bytes
                await self._expire(seen)
            await asyncio.sleep(self._settings.survey_every)

    async def _expire(self, seen: Survey) -> None:
        """Delete what expired, once a record says so: else it would look like a log with its beginning cut off."""
        if seen.is_live_old:
            self._engine.grow_old()
        if not seen.expired or self._engine.committer.refusal:
            return
        with contextlib.suppress(AuditError):
            told = {"type": "expired", "first_kept": seen.first_kept}
            await self._engine.committer.record(msgspec.json.encode(told))
            self._engine.post(op.request([op.delete(path) for path in seen.expired]))

    async def _check(self) -> None:
        """Verify the whole log once, slowly; start has only looked at its end."""
        stop = threading.Event()
        try:
            report = self.report = await asyncio.to_thread(self._walk, stop)
        except OSError as error:
            _logger.warning("the decision log could not be verified: %s", error)
            return
        finally:
            stop.set()
        if report and not report.ok:
            first = report.findings[0]
            _logger.error("the decision log is damaged: %s", first)
            self._engine.committer.record(msgspec.json.encode({"type": "damage", "finding": str(first)}))

    def _walk(self, stop: threading.Event) -> Report | None:
        walk = Walk(self._layout, self._key)
        began = time.perf_counter()
        for _ in walk.steps():
            if stop.wait((time.perf_counter() - began) * _CHECK_REST):
                return None
            began = time.perf_counter()
        return walk.report()
