"""The writer process stopped, killed, signalled, orphaned."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sidecar.adapters.audit_files.reading import LogReader
from sidecar.adapters.audit_files.verifying import verify_log
from sidecar.adapters.state_dir import StateInUseError, hold_state
from sidecar.core.errors import AuditError
from sidecar.core.model import Code
from tests.fakes.audit import PATIENCE, body, fill, opened, until


async def test_a_disk_that_hangs_costs_the_deadline_and_the_loop_goes_on_turning(tmp_path):
    async with opened(tmp_path) as log:
        await fill(log, 3)
        os.kill(log.writer_pid, signal.SIGSTOP)
        turns = 0
        append = asyncio.ensure_future(log.append(body(n="late"), 0.1))
        while not append.done():
            await asyncio.sleep(0)
            turns += 1
        with pytest.raises(AuditError, match="not on the disk in time"):
            await append
        assert turns > 10
        os.kill(log.writer_pid, signal.SIGCONT)
        await until(lambda: log.status().size == 5)
        assert (await log.read(4))["voids"] == [3]
        assert log.status().writable
    assert verify_log(tmp_path).ok


async def test_while_the_disk_hangs_everyone_is_refused_at_once_until_it_answers(tmp_path):
    async with opened(tmp_path, deadline=0.05) as log:
        await fill(log, 1)
        os.kill(log.writer_pid, signal.SIGSTOP)
        with pytest.raises(AuditError):
            await log.append(body(), 0.01)
        await until(lambda: not log.status().writable)
        assert log.status().lag > 0
        refused = log.append(body(), PATIENCE)
        assert refused.done()
        with pytest.raises(AuditError, match="has not answered"):
            await refused
        os.kill(log.writer_pid, signal.SIGCONT)
        await until(lambda: log.status().writable)
        receipt = await log.append(body(n="after"), PATIENCE)
        assert receipt.seq == 3


async def test_each_waits_for_its_own_deadline_whoever_came_first(tmp_path):
    async with opened(tmp_path) as log:
        os.kill(log.writer_pid, signal.SIGSTOP)
        patient, hasty = log.append(body(), 0.2), log.append(body(), 0.02)
        with pytest.raises(AuditError):
            await hasty
        assert not patient.done()
        with pytest.raises(AuditError):
            await patient
        os.kill(log.writer_pid, signal.SIGCONT)


async def test_several_late_records_are_voided_by_one(tmp_path):
    async with opened(tmp_path) as log:
        await fill(log, 1)
        os.kill(log.writer_pid, signal.SIGSTOP)
        late = [log.append(body(n=n), 0.02) for n in range(3)]
        on_time = log.append(body(n="patient"), PATIENCE)
        results = await asyncio.gather(*late, return_exceptions=True)
        assert all(isinstance(result, AuditError) for result in results)
        os.kill(log.writer_pid, signal.SIGCONT)
        assert (await on_time).seq == 4
        await until(lambda: log.status().size == 6)
        assert (await log.read(5))["voids"] == [1, 2, 3]


async def test_when_the_writer_dies_what_waits_fails_and_the_log_goes_on_in_a_new_segment(tmp_path):
    async with opened(tmp_path) as log:
        receipts = await fill(log, 10)
        pid = log.writer_pid
        os.kill(pid, signal.SIGSTOP)
        lost = log.append(body(n="lost"), PATIENCE)
        await asyncio.sleep(0.01)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(AuditError):
            await lost
        log.unrecorded(Code.AUDIT_UNAVAILABLE, time.time())
        assert not log.status().writable
        await until(lambda: log.status().writable)
        assert log.writer_pid != pid
        assert (await log.append(body(n="on"), PATIENCE)).seq == 11
        told = await log.read(10)
        assert (told["type"], told["reason"]) == ("reopened", "the writer process is gone")
        assert told["unrecorded"]["audit_unavailable"]["count"] == 1
    entries = list(LogReader(tmp_path).entries())
    assert [(entry.seq, entry.hash) for entry in entries[:10]] == receipts
    assert "lost" not in [entry.record.get("n") for entry in entries]
    assert verify_log(tmp_path).ok


async def test_answers_without_a_record_that_a_lost_record_told_of_are_told_again(tmp_path):
    async with opened(tmp_path) as log:
        await fill(log, 1)
        os.kill(log.writer_pid, signal.SIGSTOP)
        log.unrecorded(Code.OVERLOADED, 1000.0)
        lost = log.append(body(n="tells"), PATIENCE)
        os.kill(log.writer_pid, signal.SIGKILL)
        with pytest.raises(AuditError):
            await lost
        log.unrecorded(Code.OVERLOADED, 2000.0)
        await until(lambda: log.status().writable)
        overloaded = (await log.read(1))["unrecorded"]["overloaded"]
        assert overloaded["count"] == 2
        assert (overloaded["from"], overloaded["to"]) == (
            "1970-01-01T00:16:40.000000Z",
            "1970-01-01T00:33:20.000000Z",
        )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_signals_that_are_meant_for_the_daemon_do_not_end_its_writer(tmp_path, number):
    async with opened(tmp_path) as log:
        pid = log.writer_pid
        assert os.getsid(pid) != os.getsid(0)
        os.kill(pid, number)
        await fill(log, 3)
        assert log.writer_pid == pid


async def test_a_stopped_writer_cannot_keep_the_daemon_from_stopping(tmp_path):
    async with opened(tmp_path, deadline=0.05, stop_within=0.1) as log:
        await fill(log, 3)
        pid = log.writer_pid
        os.kill(pid, signal.SIGSTOP)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    async with opened(tmp_path) as log:
        assert log.status().size == 3


def test_a_writer_that_has_not_finished_holds_the_state_folder_of_a_daemon_that_was_killed(tmp_path):
    command = [sys.executable, "-m", "tests.fakes.audit_load", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as daemon:
        writer = int(daemon.stdout.readline().split()[1])
        assert daemon.stdout.readline()
        os.kill(writer, signal.SIGSTOP)
        daemon.kill()
    try:
        with pytest.raises(StateInUseError, match="in use"):
            hold_state(tmp_path, patience=0.05)
    finally:
        os.kill(writer, signal.SIGCONT)
    os.close(hold_state(tmp_path, patience=PATIENCE))


async def test_a_state_folder_has_one_daemon(tmp_path):
    async with opened(tmp_path):
        with pytest.raises(StateInUseError, match="in use"):
            hold_state(tmp_path, patience=0.05)
    os.close(hold_state(tmp_path))


async def test_records_of_a_closed_log_are_not_accepted(tmp_path):
    async with opened(tmp_path) as log:
        await fill(log, 1)
    with pytest.raises(AuditError, match="stopping"):
        await log.append(body(), PATIENCE)
