"""kill -9 under load: nothing that was answered is missing afterwards, and the log verifies."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sidecar.adapters.audit_files.reading import LogReader
from sidecar.adapters.audit_files.verifying import verify_log
from tests.fakes.audit import PATIENCE, body, opened

ROUNDS = int(os.getenv("FAULT_ROUNDS", "3"))


def load_until_killed(state: Path, seconds: float, kill_writer_too: bool) -> dict[int, str]:
    """Append in a process of its own, kill it, and return what it had answered."""
    command = [sys.executable, "-m", "tests.fakes.audit_load", str(state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as process:
        _, pid = process.stdout.readline().split()
        assert process.stdout.readline()
        time.sleep(seconds)
        process.kill()
        if kill_writer_too:
            os.kill(int(pid), signal.SIGKILL)
        told = process.stdout.read().splitlines()
    return {
        int(seq): digest.decode() for seq, digest in (line.split() for line in told if line.count(b" ") == 1)
    }


@pytest.mark.fault
async def test_after_each_kill_every_answered_record_is_there_and_the_log_verifies(tmp_path):
    chance = random.Random(1)
    answered: dict[int, str] = {}
    for number in range(ROUNDS):
        told = load_until_killed(tmp_path, chance.uniform(0.05, 0.4), kill_writer_too=number % 2 == 1)
        assert told
        answered |= told
        async with opened(tmp_path, segment_bytes=256 * 1024) as log:
            assert (await log.append(body(round=number), PATIENCE)).seq > max(answered)
        report = verify_log(tmp_path)
        assert report.findings == ()
        there = {entry.seq: entry.hash for entry in LogReader(tmp_path).entries()}
        assert len(there) == report.size == report.signed
        assert {seq: there.get(seq) for seq in answered} == answered
