"""The engine: committer, volume, publisher and writer process, wired together. All of it runs on the loop."""

import asyncio
import contextlib
import logging
from errno import EPIPE
from typing import Final

import msgspec

from sidecar.adapters.audit_files import operations as op
from sidecar.adapters.audit_files.committer import Committer
from sidecar.adapters.audit_files.ledger import Ledger
from sidecar.adapters.audit_files.publisher import Publisher
from sidecar.adapters.audit_files.settings import AuditSettings, Fsync
from sidecar.adapters.audit_files.volume import Volume
from sidecar.adapters.audit_files.writer import Writer, reason
from sidecar.core.chain import Head
from sidecar.core.errors import AuditError

_NOTHING: Final = op.request([])  # answered when all that was asked before is

_logger = logging.getLogger(__name__)


class Engine:
    """`trouble` is set when a write has failed, until `mend` has succeeded."""

    def __init__(
        self,
        head: Head,
        ledger: Ledger,
        volume: Volume,
        publisher: Publisher,
        settings: AuditSettings,
        lock_fd: int,
    ) -> None:
        self._settings = settings
        self._lock_fd = lock_fd
        self._volume = volume
        self._writer: Writer | None = None
        self._dead: Writer | None = None
        self._is_preparing = False
        self._is_relaxed = settings.fsync is not Fsync.ALWAYS
        self.publisher = publisher
        self.committer = Committer(ledger, volume, head, settings.deadline, self)
        self.trouble = asyncio.Event()

    @property
    def writer(self) -> Writer:
        if self._writer is None:
            raise AuditError(reason(EPIPE))
        return self._writer

    @property
    def live_bytes(self) -> int:
        return self._volume.end

    async def start(self) -> None:
        """Start the writer and accept appends. Raises AuditError."""
        await self._start_writer()
        await self._open()
        self.committer.accept()
        self.prepare()

    def durable(self, lines: list[bytes]) -> None:
        self.publisher.take(lines)

    def idle(self) -> None:
        self.publisher.grow()
        if self.publisher.is_due(self._settings.checkpoint_records):
            self.publish()

    def rolls(self) -> None:
        self.publisher.keep()

    def sealed(self, request: bytes) -> None:
        # Not sealed is no harm: the segment keeps zeros at its end, where it ends anyway.
        self.post(request)
        self.prepare()
        self.publish()

    def failed(self) -> None:
        if not self.trouble.is_set():
            _logger.error("the decision log cannot be written: %s", self.committer.refusal)
        self.trouble.set()

    def grow_old(self) -> None:
        """Seal the live segment before the next write."""
        self._volume.grow_old()

    def publish(self) -> None:
        """Have a checkpoint written, if there is news and the writer is there."""
        if self._writer is None:
            return
        first = [op.sync(self._volume.path)] if self._is_relaxed else []
        if request := self.publisher.request(first):
            self._writer.files.request(request, self._published)

    def prepare(self) -> None:
        """Have the next segment prepared, unless it is."""
        if self._writer is None or self._is_preparing or not self._volume.wants_prepared:
            return
        self._is_preparing = True
        self._writer.files.request(self._volume.prepare(), self._prepared)

    def sync(self) -> None:
        """Have the live segment synced, where appends do not wait for that."""
        if self._writer is not None and not self.committer.refusal:
            self._writer.files.request(op.request([op.sync(self._volume.path)]), self._synced)

    def post(self, request: bytes) -> None:
        """Ask the writer for something that does no harm if it is not done."""
        if self._writer is not None:
            self._writer.files.request(request, lambda _: None)

    async def mend(self) -> bool:
        """After a failure: close the segment for good and try to go on in a new one. Whether that succeeded."""
        why = self.committer.refusal
        try:
            if self._writer is None:
                await self._bury()
                await self._start_writer()
            await self._retire()
            await self.committer.record(msgspec.json.encode({"type": "reopened", "reason": why}))
        except (AuditError, OSError) as error:
            _logger.debug("the decision log still cannot be written: %s", error)
            return False
        self.committer.accept()
        self.trouble.clear()
        self.prepare()
        _logger.warning("the decision log is written again, after: %s", why)
        return True

    async def stop(self) -> None:
        """Make all that is under way durable, publish, seal, end the writer; kill it if it does not answer."""
        self.committer.close("the daemon is stopping")
        if self._writer is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.stop_within):
                    await self._finish(self._writer)
            self._dead, self._writer = self._writer, None
        await self._bury()

    async def _finish(self, writer: Writer) -> None:
        while not self.committer.is_idle:
            await writer.records.ask(_NOTHING)
        await writer.files.ask(_NOTHING)
        while request := self.publisher.request([op.sync(self._volume.path)]):
            self.publisher.answered(await writer.files.ask(request))
            if self.publisher.problem:
                break
        await writer.files.ask(self._volume.seal())

    async def _bury(self) -> None:
        dead, self._dead = self._dead, None
        if dead is not None:
            await dead.stop(self._settings.deadline)

    async def _start_writer(self) -> None:
        writer = await Writer.start(self._lock_fd, self._lost)
        self._writer = writer
        self.committer.use(writer.records.request)

    async def _open(self) -> None:
        if failed := await self.writer.records.ask(self._volume.open()):
            raise AuditError(f"{self._volume.path}: {reason(failed)}")

    async def _retire(self) -> None:
        self.publisher.keep()
        seq = self.committer.size
        if failed := await self.writer.files.ask(self._volume.retire(seq)):
            raise AuditError(reason(failed))
        self._volume.retired()
        await self._open()

    def _published(self, failed: int) -> None:
        self.publisher.answered(failed)
        if failed and self._is_relaxed and not self.committer.refusal:
            # One of the operations was the sync of records.
            self.committer.lose(reason(failed))
        elif self.publisher.is_due(self._settings.checkpoint_records):
            self.publish()

    def _prepared(self, failed: int) -> None:
        self._is_preparing = False
        if not failed:
            self._volume.prepared()

    def _synced(self, failed: int) -> None:
        if failed and not self.committer.refusal:
            self.committer.lose(reason(failed))

    def _lost(self) -> None:
        if self._writer is not None:
            self._dead, self._writer = self._writer, None
            self._dead.hang_up()
            self.committer.lose(reason(EPIPE))
