"""Load by h2load over HTTP/1.1, bounded in time, and what its log of single requests says."""

import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.processes import BenchError

_COUNTS: Final = re.compile(r"(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout")
_MISSING: Final = "h2load is not installed: apt-get install -y nghttp2-client"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a load goes: an http URL, by way of a Unix socket if one is given, and the body to send."""

    url: str
    body: Path
    socket: Path | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One request: when it began (epoch seconds), its status, how long until the end of its answer (ms)."""

    began: float
    status: int
    took: float


@dataclass(frozen=True, slots=True)
class Load:
    """One round of load. Times in ms; `bad` counts answers other than 2xx and requests without an answer."""

    rate: float
    p50: float
    p99: float
    longest: float
    answers: int
    bad: int


def require() -> None:
    """Makes sure that h2load is there; as root on Debian it is installed."""
    if shutil.which("h2load"):
        return
    if shutil.which("apt-get"):
        subprocess.run(["apt-get", "install", "-y", "-qq", "nghttp2-client"], check=False)
    if not shutil.which("h2load"):
        raise BenchError(_MISSING)


def command(target: Target, connections: int, seconds: float, *, rate: int | None = None) -> list[str]:
    """The h2load command of a round. `rate` limits each connection to so many requests a second."""
    out = ["h2load", "--h1", "-t1", f"-c{connections}", f"-D{round(seconds * 1000)}ms"]
    out += ["-H", "content-type: application/json", "-d", str(target.body)]
    out += [f"--rps={rate}"] if rate else []
    return [*out, *(["-B", f"unix:{target.socket}"] if target.socket else []), target.url]


def measure(target: Target, connections: int, seconds: float, scratch: Path) -> Load:
    """One round of load with as many requests as the connections can bear."""
    started = start(target, connections, seconds, scratch)
    samples = finish(started, seconds)
    times = sorted(sample.took for sample in samples)
    return Load(
        rate=len(samples) / seconds,
        p50=times[len(times) // 2],
        p99=times[len(times) * 99 // 100],
        longest=times[-1],
        answers=len(samples),
        bad=started.bad(samples),
    )


class Started:
    """A load under way, for a measurement that does something meanwhile."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self.log = log
        self.errors = 0

    def bad(self, samples: list[Sample]) -> int:
        """Answers other than 2xx, and requests that got none."""
        return self.errors + sum(not 200 <= sample.status < 300 for sample in samples)


def start(
    target: Target, connections: int, seconds: float, scratch: Path, *, rate: int | None = None
) -> Started:
    """Begins a load and returns at once."""
    log = scratch / f"load-{time.monotonic_ns()}.tsv"
    line = command(target, connections, seconds, rate=rate)
    process = subprocess.Popen(
        [*line, f"--log-file={log}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return Started(process, log)


def finish(started: Started, seconds: float) -> list[Sample]:
    """Waits for the end of a load. Raises BenchError if it made no request."""
    output, _ = started.process.communicate(timeout=seconds + 60)
    counts = _COUNTS.search(output)
    if counts is None or not started.log.exists() or not started.log.stat().st_size:
        raise BenchError(f"the load made no request:\n{output[-1000:]}")
    started.errors = int(counts[4]) + int(counts[5])
    rows = (row.split("\t") for row in started.log.read_text().splitlines())
    samples = [Sample(int(began) / 1e6, int(status), int(took) / 1000) for began, status, took in rows]
    started.log.unlink()
    return samples
