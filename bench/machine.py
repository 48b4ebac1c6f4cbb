"""The machine and the parts of a run: without them a figure means nothing."""

import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Final

from bench.peers import CERBOS, OPA

_RECORD: Final = b"x" * 700 + b"\n"
_SYNCS: Final = 200


def description(work: Path) -> dict[str, str]:
    """Name to value: processor, system, versions, what a sync of this disk costs, how busy it was."""
    return {
        "commit": _commit(),
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.release()}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "Python": f"{platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in ("aiohttp", "uvloop", "msgspec")),
        "peers": f"Cerbos {CERBOS}, OPA {OPA}",
        "load tool": _first_line("h2load", "--version"),
        "write and fdatasync of 700 bytes, at the start": sync_time(work),
        "load average at the start": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "time": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


def command_line(line: str, work: Path) -> str:
    """A command as anyone can run it: places of this run and this machine by their names."""
    home = str(Path(__file__).parent.parent)
    return line.replace(sys.executable, "python").replace(str(work), "$WORK").replace(f"{home}/", "")


def _commit() -> str:
    commit = _first_line("git", "rev-parse", "HEAD")
    changed = _first_line("git", "status", "--porcelain", "--untracked-files=no")
    return f"{commit or 'none'}{' with changes' if changed else ''}"


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _first_line(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip().partition("\n")[0] if done.returncode == 0 else ""


def sync_time(work: Path) -> str:
    """What one record costs on this disk, durable."""
    taken = []
    with (work / "sync").open("wb", buffering=0) as file:
        for _ in range(_SYNCS):
            began = time.perf_counter()
            file.write(_RECORD)
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - began)
    return f"{median(taken) * 1000:.2f} ms (median of {_SYNCS})"
