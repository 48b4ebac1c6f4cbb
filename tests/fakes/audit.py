"""Decision logs on real files for tests: short ones, and running ones."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec

from sidecar.adapters.audit_files.log import AuditLog, open_log
from sidecar.adapters.audit_files.settings import AuditSettings
from sidecar.adapters.clock import SystemClock
from sidecar.adapters.state_dir import hold_state
from sidecar.core.chain import line_hash, link
from sidecar.core.times import rfc3339
from sidecar.service.ports import Clock

PATIENCE = 10.0


def body(**members: Any) -> bytes:
    """A record's body."""
    return msgspec.json.encode({"type": "test", **members})


@contextlib.asynccontextmanager
async def opened(
    state: Path,
    *,
    clock: Clock | None = None,
    accept_fork: bool = False,
    witness: Path | None = None,
    **settings: Any,
) -> AsyncIterator[AuditLog]:
    """A started log whose upkeep runs, closed in the end."""
    lock = hold_state(state)
    try:
        log = open_log(
            state,
            lock_fd=lock,
            clock=clock or SystemClock(),
            settings=AuditSettings(**({"segment_bytes": 64 * 1024} | settings)),
            origin="test.example/log",
            witness_file=witness,
            accept_fork=accept_fork,
        )
        await log.start()
        upkeep = asyncio.ensure_future(log.run())
        try:
            yield log
        finally:
            upkeep.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await upkeep
            await log.close()
    finally:
        os.close(lock)


async def fill(log: AuditLog, count: int, **members: Any) -> list[tuple[int, str]]:
    """Append records, a few dozen at a time; their numbers and hashes."""
    receipts = []
    for start in range(0, count, 50):
        batch = [log.append(body(n=n, **members), PATIENCE) for n in range(start, min(start + 50, count))]
        receipts += await asyncio.gather(*batch)
    return [(receipt.seq, receipt.hash) for receipt in receipts]


async def until(condition: Callable[[], object], patience: float = 60.0) -> None:
    """Wait for something that is to become true; fail if it does not."""
    deadline = asyncio.get_running_loop().time() + patience
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "it did not become true in time"
        await asyncio.sleep(0.005)


async def write_log(state: Path, count: int, pad: str = "", **settings: Any) -> list[tuple[int, str]]:
    """A log of `count` records, closed properly."""
    async with opened(state, **settings) as log:
        return await fill(log, count, pad=pad)


async def crashed_log(state: Path, signed: int, unsigned: int) -> Path:
    """What a killed daemon leaves: a checkpoint over `signed` records, more behind it, zeros at the end.

    Returns the live segment, which has them all.
    """
    await write_log(state, signed)
    segment = live_segment(state)
    lines = segment.read_bytes().splitlines()
    for seq in range(signed, signed + unsigned):
        lines.append(link(seq, line_hash(lines[-1]), rfc3339(time.time()).encode(), b"", body(n=seq)))
    segment.write_bytes(b"\n".join((*lines, b"")) + bytes(8192))
    return segment


def live_segment(state: Path) -> Path:
    return sorted((state / "audit").glob("*.jsonl"))[-1]


def whole_segment(state: Path) -> Path:
    """The log in one segment: how fast it was written does not matter to which record stands in which file."""
    first, *others = sorted((state / "audit").glob("*.jsonl"))
    raw = b"".join(path.read_bytes().rstrip(b"\0") for path in (first, *others))
    for path in others:
        path.unlink()
    first.write_bytes(raw)
    return first
