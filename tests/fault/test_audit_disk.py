"""Disks that are full, forbid writing, or fail: deny while it lasts, go on when it is over, lose nothing answered."""

import contextlib
import os
import resource
import subprocess

import pytest

from sidecar.adapters.audit_files.log import open_log
from sidecar.adapters.audit_files.reading import LogReader
from sidecar.adapters.audit_files.settings import AuditSettings
from sidecar.adapters.audit_files.verifying import verify_log
from sidecar.adapters.clock import SystemClock
from sidecar.core.chain import line_hash
from sidecar.core.errors import AuditError
from tests.fakes.audit import PATIENCE, body, fill, live_segment, opened, until

MIB = 1024 * 1024


class LimitedFiles:
    """No file may grow beyond a size, which needs no privilege: EFBIG, where a full disk says ENOSPC."""

    def __init__(self, folder):
        self.state = folder

    def fill_up(self, log):
        resource.prlimit(log.writer_pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    def make_room(self, log):
        resource.prlimit(
            log.writer_pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        )

    def close(self):
        """Nothing to undo."""


class SmallDisk:
    """A file system of 8 MiB, for those who may mount one."""

    def __init__(self, folder):
        self.state = folder / "mounted"
        self.state.mkdir()
        options = ["-t", "tmpfs", "-o", "size=8m,mode=0700", "tmpfs", str(self.state)]
        subprocess.run(["mount", *options], check=True, capture_output=True)
        self._ballast = self.state / "ballast"

    def fill_up(self, log):
        with contextlib.suppress(OSError), self._ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def make_room(self, log):
        self._ballast.unlink()

    def close(self):
        subprocess.run(["umount", "--lazy", str(self.state)], check=True)


def disk_of(kind, folder):
    try:
        return kind(folder)
    except (OSError, subprocess.CalledProcessError):
        return LimitedFiles(folder)


@pytest.fixture(params=[LimitedFiles, SmallDisk])
def disk(request, tmp_path):
    made = disk_of(request.param, tmp_path)
    yield made
    made.close()


async def until_refused(log):
    """Append until the disk refuses; what was answered before that."""
    answered = []
    for n in range(20_000):
        try:
            answered.append(await log.append(body(n=n, pad="x" * 2000), PATIENCE))
        except AuditError:
            return [(receipt.seq, receipt.hash) for receipt in answered]
    raise AssertionError("the disk never refused")


async def test_a_full_disk_denies_says_so_and_recovers_by_itself(disk):
    async with opened(disk.state, segment_bytes=MIB) as log:
        before = await fill(log, 20)
        disk.fill_up(log)
        before += await until_refused(log)
        assert not log.status().writable
        assert log.status().reason in {"File too large", "No space left on device"}
        refused = log.append(body(), PATIENCE)
        assert refused.done()
        with pytest.raises(AuditError):
            await refused
        disk.make_room(log)
        await until(lambda: log.status().writable)
        after = await fill(log, 20)
        assert after[0][0] == before[-1][0] + 2
        assert (await log.read(before[-1][0] + 1))["type"] == "reopened"
    there = {entry.seq: entry.hash for entry in LogReader(disk.state).entries()}
    assert {seq: there[seq] for seq, _ in before + after} == dict(before + after)
    assert verify_log(disk.state).ok


async def test_a_segment_whose_write_failed_is_cut_to_its_last_answered_record_and_never_written_again(
    tmp_path,
):
    disk = LimitedFiles(tmp_path)
    prepared = tmp_path / "audit" / "prepared"
    async with opened(tmp_path, segment_bytes=MIB) as log:
        for _ in range(2):
            await until(prepared.exists)
            answered = await fill(log, 20)
        failed = live_segment(tmp_path)
        disk.fill_up(log)
        assert await until_refused(log) == []
        disk.make_room(log)
        await until(lambda: log.status().writable)
        cut = failed.read_bytes()
        assert [line_hash(line) for line in cut.splitlines()][-20:] == [digest for _, digest in answered]
        assert cut.endswith(b"}\n")
        await fill(log, 50)
        assert failed.read_bytes() == cut
        assert live_segment(tmp_path) != failed


async def test_a_full_disk_holds_back_checkpoints_not_records_that_have_room(tmp_path):
    disk = LimitedFiles(tmp_path)
    async with opened(tmp_path, segment_bytes=MIB, checkpoint_every=0.05) as log:
        await until((tmp_path / "audit" / "prepared").exists)
        await fill(log, 2)
        await until(lambda: log.status().checkpoint_size == 2)
        audit = tmp_path / "audit"
        aside = audit / "aside"
        (audit / "tile").rename(aside)
        (audit / "tile").write_text("in the way")
        await fill(log, 300)
        await until(log.warnings)
        assert "checkpoints are not written" in log.warnings()[0]
        assert (log.status().writable, log.status().checkpoint_size) == (True, 2)
        (audit / "tile").unlink()
        aside.rename(audit / "tile")
        disk.make_room(log)
        await until(lambda: log.status().checkpoint_size == 302)
        assert not log.warnings()
    assert verify_log(tmp_path).ok


async def test_a_daemon_that_stops_while_the_disk_is_full_leaves_answered_records_only(tmp_path):
    disk = LimitedFiles(tmp_path)
    async with opened(tmp_path, segment_bytes=MIB) as log:
        answered = await fill(log, 20)
        disk.fill_up(log)
        answered += await until_refused(log)
    assert [(entry.seq, entry.hash) for entry in LogReader(tmp_path).entries()] == answered
    async with opened(tmp_path, segment_bytes=MIB) as log:
        assert (await fill(log, 1))[0][0] == len(answered)
    assert verify_log(tmp_path).ok


async def test_segments_are_not_prepared_where_that_would_take_the_room_that_records_need(tmp_path):
    async with opened(tmp_path, segment_bytes=2**60, checkpoint_every=0.01) as log:
        for _ in range(5):
            await fill(log, 20)
        await until(lambda: log.status().checkpoint_size == 100)
        assert not list((tmp_path / "audit").glob("prepared*"))


async def test_a_log_that_cannot_be_opened_says_why(tmp_path):
    (tmp_path / "audit").write_text("in the way")
    with pytest.raises(AuditError, match="cannot be opened"):
        open_log(tmp_path, lock_fd=0, clock=SystemClock(), settings=AuditSettings())


async def test_a_read_only_disk_denies_and_recovers_by_itself(tmp_path):
    """Without privileges the folder forbids new files; who has them needs a mount that does."""
    with read_only_later(tmp_path) as (state, forbid, permit):
        async with opened(state, segment_bytes=64 * 1024) as log:
            answered = await fill(log, 10)
            forbid()
            answered += await until_refused(log)
            assert not log.status().writable
            permit()
            await until(lambda: log.status().writable)
            await fill(log, 10)
        there = {entry.seq: entry.hash for entry in LogReader(state).entries()}
        assert {seq: there[seq] for seq, _ in answered} == dict(answered)
        assert verify_log(state).ok


@contextlib.contextmanager
def read_only_later(folder):
    audit = folder / "audit"
    if os.getuid():
        yield folder, lambda: audit.chmod(0o500), lambda: audit.chmod(0o700)
        return
    # Privileges do not pass the immutable flag; where the file system has none, a limit on sizes has to do.

    def flag(sign):
        subprocess.run(["chattr", f"{sign}i", str(audit)], check=False, capture_output=True)

    try:
        yield folder, lambda: flag("+"), lambda: flag("-")
    finally:
        flag("-")
