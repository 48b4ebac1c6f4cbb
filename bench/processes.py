"""Child processes: start, wait until they answer, memory and processor time, end."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

TICKS: Final = os.sysconf("SC_CLK_TCK")
STOP_WITHIN: Final = 20.0


class BenchError(Exception):
    """The run cannot go on, or its figures would mean nothing. The message says what to do."""


@contextmanager
def running(
    command: Sequence[str | Path], output: Path, environ: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A child whose output goes to a file; ended by SIGTERM, past 20 s by SIGKILL. `environ` replaces ours."""
    with (
        output.open("wb") as sink,
        subprocess.Popen(command, stdout=sink, stderr=sink, env=environ) as process,
    ):
        try:
            yield process
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()


def wait_until(
    ready: Callable[[], bool], process: subprocess.Popen[bytes], output: Path, within: float = 30.0
) -> None:
    """Polls every 2 ms. Raises BenchError with the end of the child's output if it dies or is late."""
    deadline = time.monotonic() + within
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            state = "is not ready in time" if process.poll() is None else f"ended with {process.returncode}"
            raise BenchError(f"{process.args!r} {state}:\n{output.read_text(errors='replace')[-2000:]}")
        time.sleep(0.002)


def free_port() -> int:
    """A TCP port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def accepts(port: int) -> Callable[[], bool]:
    """Whether somebody listens on this loopback port."""

    def ask() -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    return ask


def family(pid: int) -> tuple[int, ...]:
    """The process and its descendants, itself first."""
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(word) for file in threads for word in file.read_text().split()]
    return (pid, *(member for child in children for member in family(child)))


def resident(pid: int) -> float:
    """Resident memory in MB (10**6 bytes), shared pages included."""
    return _rollup(pid, "Rss")


def forget_peak(pid: int) -> None:
    """Count the peak of resident memory anew from now on (proc_pid_clear_refs(5), 5)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak(pid: int) -> float:
    """The most resident memory in MB since it was last forgotten."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM:"))


def proportional(pid: int) -> float:
    """Resident memory in MB, each shared page divided by the number of those who share it."""
    return _rollup(pid, "Pss")


def _rollup(pid: int, name: str) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(f"{name}:"))


def processor_time(pid: int) -> float:
    """Seconds of processor time that the process and its descendants have used."""
    return sum(sum(own_time(member)) for member in family(pid))


def busy_time() -> float:
    """Seconds of processor time that the whole machine has spent on anything, stolen time included."""
    user, nice, system, _idle, _wait, *others = Path("/proc/stat").read_text().split()[1:9]
    return sum(map(int, (user, nice, system, *others))) / TICKS


def children_time() -> float:
    """Seconds of processor time of this process and of the children that have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def own_time(pid: int) -> tuple[float, float]:
    """Seconds of processor time of one process: its own code, and the kernel on its behalf."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(after_name[11]) / TICKS, int(after_name[12]) / TICKS
