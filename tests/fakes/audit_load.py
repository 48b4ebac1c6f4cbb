"""A process that appends under load until it is killed: `python -m tests.fakes.audit_load STATE`.

For every append that was answered it prints number and hash, after the answer.
"""

import asyncio
import sys
from pathlib import Path

import uvloop

from sidecar.adapters.audit_files.log import AuditLog, open_log
from sidecar.adapters.audit_files.settings import AuditSettings
from sidecar.adapters.clock import SystemClock
from sidecar.adapters.state_dir import hold_state
from tests.fakes.audit import PATIENCE, body

CLIENTS = 16


async def client(log: AuditLog, number: int) -> None:
    while True:
        receipt = await log.append(body(client=number, pad="x" * (number * 97)), PATIENCE)
        sys.stdout.write(f"{receipt.seq} {receipt.hash}\n")
        sys.stdout.flush()


async def main(state: Path) -> None:
    settings = AuditSettings(segment_bytes=256 * 1024, checkpoint_every=0.05, checkpoint_records=100)
    lock = hold_state(state)
    log = open_log(state, lock_fd=lock, clock=SystemClock(), settings=settings, origin="test.example/log")
    await log.start()
    print("writer", log.writer_pid, flush=True)  # noqa: T201 - told to the test
    await asyncio.gather(log.run(), *(client(log, number) for number in range(CLIENTS)))


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1])))
