"""The decision log on files, as the daemon uses it.

`open_log` recovers what is there. `start` starts the writer process and accepts appends. `run` signs checkpoints,
mends, checks and keeps small until it is cancelled. `close` makes durable what is under way, seals and signs.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from sidecar.adapters.audit_files.engine import Engine
from sidecar.adapters.audit_files.fork import fork
from sidecar.adapters.audit_files.keys import load_signer
from sidecar.adapters.audit_files.layout import Layout
from sidecar.adapters.audit_files.ledger import Ledger
from sidecar.adapters.audit_files.publisher import Publisher
from sidecar.adapters.audit_files.reading import Entry, LogReader
from sidecar.adapters.audit_files.recovery import Recovered, cut_summary, recover
from sidecar.adapters.audit_files.settings import AuditSettings
from sidecar.adapters.audit_files.upkeep import Upkeep
from sidecar.adapters.audit_files.volume import Volume
from sidecar.adapters.audit_files.waiters import Waiter
from sidecar.adapters.audit_files.witness import FileWitness, Witness
from sidecar.core.chain import epoch
from sidecar.core.errors import AuditError, ChainBroken
from sidecar.core.model import Code, Object
from sidecar.core.note import Signer
from sidecar.core.record import EventRecord, encode_record
from sidecar.core.times import rfc3339
from sidecar.service.ports import Clock, LogStatus

T = TypeVar("T")

_logger = logging.getLogger(__name__)
_PATIENCE: Final = 5.0


def open_log(
    state: Path,
    *,
    lock_fd: int,
    clock: Clock,
    settings: AuditSettings,
    origin: str | None = None,
    witness_file: Path | None = None,
    accept_fork: bool = False,
) -> "AuditLog":
    """Recover the log of a state folder that the caller holds by `lock_fd`.

    `witness_file` gets every checkpoint. Raises ConfigError (keys, origin), ChainBroken (unless `accept_fork`)
    or AuditError (the disk).
    """
    layout = Layout(state.absolute())
    try:
        signer = load_signer(layout, origin)
        recovered, told = _recover(layout, signer, settings, accept_fork=accept_fork)
        witness = FileWitness(witness_file, signer.vkey) if witness_file else None
        return AuditLog(layout, signer, recovered, told, clock, settings, lock_fd, witness)
    except OSError as error:
        raise AuditError(f"the decision log cannot be opened: {error}") from error


def _recover(
    layout: Layout, signer: Signer, settings: AuditSettings, *, accept_fork: bool
) -> tuple[Recovered, Object | None]:
    """Where the log goes on, and the record that tells of what had to be done for that."""
    try:
        recovered = recover(layout, signer.vkey, settings.fsync)
    except ChainBroken as broken:
        if not accept_fork:
            raise
        recovered, aside = fork(layout, signer)
        first = min((segment.first for segment in layout.segments()), default=recovered.head.size)
        _logger.warning(
            "the damaged log goes on after record %d; the rest is kept in %s", recovered.head.size - 1, aside
        )
        return recovered, {"type": "forked", "reason": str(broken), "kept": aside.name, "first_kept": first}
    cuts = [cut_summary(path) for path in recovered.cuts]
    return recovered, {"type": "recovered", "cuts": cuts} if cuts else None


class AuditLog:
    """Implements the port DecisionLog."""

    def __init__(
        self,
        layout: Layout,
        signer: Signer,
        recovered: Recovered,
        told: Object | None,
        clock: Clock,
        settings: AuditSettings,
        lock_fd: int,
        witness: Witness | None,
    ) -> None:
        head = recovered.head
        self._told = told
        self._clock = clock
        self._reader = LogReader(layout.state)
        self.newest_time = epoch(head.time) or 0.0
        self.vkey = signer.vkey
        self._ledger = Ledger(head, self.newest_time, clock)
        volume = Volume(layout, settings, recovered.live or layout.segment(head.size), recovered.end)
        publisher = Publisher(layout, signer, recovered.tree, recovered.checkpoint)
        self._engine = Engine(head, self._ledger, volume, publisher, settings, lock_fd)
        self._upkeep = Upkeep(self._engine, self._ledger, layout, signer.vkey, settings, clock, witness)
        # The port's, without a call in between: it is on the way of every decision.
        self.append: Callable[[bytes, float], Waiter] = self._engine.committer.append

    async def start(self) -> None:
        """Start the writer process and accept appends. Raises AuditError when there is no writer to be had."""
        try:
            await self._engine.start()
        except OSError as error:
            raise AuditError(f"the writer process cannot be started: {error}") from error
        if self._told is not None:
            with contextlib.suppress(AuditError):
                await self._engine.committer.record(msgspec.json.encode(self._told))

    async def accept_clock(self) -> None:
        """Go on by the clock where the newest record is ahead of it, with a record of that. Raises AuditError."""
        was, now = self.newest_time, self._clock.now()
        if now >= was:
            return
        self._ledger.go_back(now)
        record = EventRecord("clock_accepted", now, {"newest_was": rfc3339(was)})
        await self._engine.committer.append(encode_record(record), _PATIENCE)
        self.newest_time = now

    async def run(self) -> None:
        """Checkpoints, mending, retention, the check of the whole log; until cancelled."""
        await self._upkeep.run()

    async def close(self) -> None:
        """Make durable what is under way, sign, seal, end the writer. Takes seconds at most. `run` may be over."""
        if self._ledger.has_gaps and not self._engine.committer.refusal:
            self._engine.committer.record(msgspec.json.encode({"type": "unrecorded"}))
        await self._engine.stop()
        await self._upkeep.tell_last()

    def unrecorded(self, code: Code, now: float) -> None:
        """Count an answer that left without a record; the next record tells of it."""
        self._ledger.unrecorded(code, now)

    async def read(self, seq: int) -> Object | None:
        """The record of that number, or None if it was never written or is no longer kept. Raises AuditError."""
        entry = await self.entry(seq)
        return entry.record if entry else None

    async def entry(self, seq: int) -> Entry | None:
        """The same as bytes, with its hash."""
        if not 0 <= seq < self._engine.committer.size:
            return None
        return await _in_thread(lambda: self._reader.entry(seq))

    async def newest(self, limit: int) -> Sequence[Object]:
        """The last `limit` records, newest first."""
        size = self._engine.committer.size
        entries = await _in_thread(lambda: self._reader.newest(limit))
        return [entry.record for entry in entries if entry.seq < size]

    def status(self) -> LogStatus:
        """How the log fares: what it says by itself, without looking at the disk."""
        committer, publisher = self._engine.committer, self._engine.publisher
        return LogStatus(
            writable=not committer.refusal,
            reason=committer.refusal,
            size=committer.size,
            bytes=self._upkeep.sealed_bytes + self._engine.live_bytes,
            lag=committer.lag,
            checkpoint_size=publisher.published,
        )

    def warnings(self) -> tuple[str, ...]:
        """What does not keep the log from being written, and should be seen to."""
        publisher, report = self._engine.publisher, self._upkeep.report
        found = (
            publisher.problem and f"checkpoints are not written: {publisher.problem}",
            self._upkeep.witness_problem and f"the witness has no checkpoint: {self._upkeep.witness_problem}",
            report and not report.ok and f"the log is damaged: {report.findings[0]}",
        )
        return tuple(warning for warning in found if warning)

    @property
    def writer_pid(self) -> int:
        """The writer process. Raises AuditError when there is none."""
        return self._engine.writer.pid


async def _in_thread(read: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(read)
    except OSError as error:
        raise AuditError(f"the decision log cannot be read: {error}") from error
