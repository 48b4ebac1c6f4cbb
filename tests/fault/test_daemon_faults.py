"""Real faults under a real daemon: what was answered is on record, and what cannot be recorded is denied."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest

from tests.tools.bundles import HEAD
from tests.tools.daemon import REPOSITORY, Daemon, evaluation, until

pytestmark = pytest.mark.fault
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "3"))
READ = evaluation("agent:a1", "read", "thing:t")


@pytest.fixture
def policies(tmp_path):
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "policy.yaml").write_text(HEAD + "rules: [{id: all, effect: allow, reason: fine}]\n")
    return folder


def command(state: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "sidecar", *arguments, "--state-dir", str(state)],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def ask_until_dead(daemon: Daemon, answered: dict[int, str]) -> None:
    try:
        while True:
            audit = daemon.post("/access/v1/evaluation", READ).body["context"]["audit"]
            answered[audit["seq"]] = audit["hash"]
    except (OSError, ValueError, KeyError):
        return  # it is dead, or was while it answered


def has_answered(answered: dict[int, str], enough: int) -> bool:
    return len(answered) >= enough


def test_kill_9_under_load_loses_no_answered_decision(tmp_path, policies):
    daemon = Daemon(tmp_path, policies)
    answered: dict[int, str] = {}
    chance = random.Random(7)
    for number in range(ROUNDS):
        with daemon:
            callers = [threading.Thread(target=ask_until_dead, args=(daemon, answered)) for _ in range(4)]
            for caller in callers:
                caller.start()
            enough = len(answered) + chance.randrange(1, 80)
            until(partial(has_answered, answered, enough), "some answers are given")
            daemon.stop(signal.SIGKILL)
            for caller in callers:
                caller.join(20)
        with daemon:
            pass  # recovers
        verified = command(daemon.state, "audit", "verify")
        assert verified.returncode == 0, f"round {number}: {verified.stdout}{verified.stderr}"
    lines = command(daemon.state, "audit", "show", "--json", "--limit", "0").stdout.splitlines()
    recorded = {json.loads(line)["seq"]: hashlib.sha256(line.encode()).hexdigest() for line in lines}
    assert len(answered) > ROUNDS
    assert {seq: recorded.get(seq) for seq in answered} == answered


def writer_of(daemon: Daemon) -> int:
    children = Path(f"/proc/{daemon.process.pid}/task/{daemon.process.pid}/children").read_text().split()
    return int(children[0])


def code(daemon: Daemon) -> str:
    return daemon.post("/access/v1/evaluation", READ).body["context"]["code"]


def test_a_disk_that_hangs_costs_denies_and_not_the_daemon(tmp_path, policies):
    """The writer stopped is a sync that does not return."""
    with Daemon(tmp_path, policies) as daemon:
        assert code(daemon) == "allowed"
        writer = writer_of(daemon)
        os.kill(writer, signal.SIGSTOP)
        try:
            assert code(daemon) == "audit_unavailable"
            assert daemon.get("/livez", "ops").status == 200
            until(lambda: daemon.get("/readyz", "ops").status == 503, "it is not ready")
            assert daemon.get("/healthz", "ops").body["status"] == "failing"
        finally:
            os.kill(writer, signal.SIGCONT)
        until(lambda: code(daemon) == "allowed", "it recovers by itself")
        until(lambda: daemon.get("/readyz", "ops").status == 200, "it is ready again")
        assert b"audit_unavailable" in daemon.get("/metrics", "ops").raw
        daemon.stop()
        assert command(daemon.state, "audit", "verify").returncode == 0
        shown = command(daemon.state, "audit", "show", "--json").stdout
        assert '"unrecorded"' in shown


def test_a_writer_that_dies_is_replaced(tmp_path, policies):
    with Daemon(tmp_path, policies) as daemon:
        os.kill(writer_of(daemon), signal.SIGKILL)
        until(lambda: code(daemon) == "allowed", "another writer records")
        daemon.stop()
        assert command(daemon.state, "audit", "verify").returncode == 0


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 8 MiB of its own; mounting it needs root, as CI has."""
    disk = tmp_path / "state"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def fill(path: Path) -> None:
    """Take what is left, to the last page."""
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue


def test_a_full_disk_denies_until_there_is_room_again(tmp_path, policies, small_disk):
    environ = {"ASCEND_SIDECAR_AUDIT_SEGMENT": "1MiB"}
    with Daemon(tmp_path, policies, environ=environ) as daemon:
        assert code(daemon) == "allowed"
        fill(small_disk / "ballast")
        batch = {"evaluations": [READ] * 100}

        def is_full() -> bool:
            daemon.post("/access/v1/evaluations", batch)
            return code(daemon) == "audit_unavailable"

        until(is_full, "the prepared segments are used up", 60)
        until(lambda: daemon.get("/readyz", "ops").status == 503, "it is not ready")
        (small_disk / "ballast").unlink()
        until(lambda: code(daemon) == "allowed", "it recovers by itself")
        daemon.stop()
        verified = command(daemon.state, "audit", "verify")
        assert verified.returncode == 0, verified.stdout + verified.stderr


def test_a_disk_that_refuses_every_write_denies_until_it_takes_them_again(tmp_path, policies):
    """A limit of nothing on the size of files refuses each write (EFBIG), as a read-only disk does (EROFS)."""
    with Daemon(tmp_path, policies) as daemon:
        assert code(daemon) == "allowed"
        limit(writer_of(daemon), "0")
        until(lambda: code(daemon) == "audit_unavailable", "writing is refused")
        limit(writer_of(daemon), "unlimited")
        until(lambda: code(daemon) == "allowed", "it recovers by itself")
        daemon.stop()
        assert command(daemon.state, "audit", "verify").returncode == 0


def limit(process: int, size: str) -> None:
    subprocess.run(["prlimit", f"--pid={process}", f"--fsize={size}:unlimited"], check=True)
