"""What a hook costs its host: a whole call against a running daemon, beside processes that do nothing.

Usage: python -m tests.tools.hook_overhead [--calls N]
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.tools.daemon import REPOSITORY, Daemon
from tests.tools.hook_payloads import reading

_HOST: Final = "claude-code"
_SCRIPT: Final = f"#!{sys.executable}\nfrom sidecar.cli.entry import main\nmain()\n"
Took = tuple[float, float]


def main() -> None:
    """Prints medians of wall-clock and processor time, in milliseconds."""
    parser = argparse.ArgumentParser(description="Measure what a hook costs its host.")
    parser.add_argument("--calls", type=int, default=50)
    calls = parser.parse_args().calls
    with TemporaryDirectory() as folder, Daemon(Path(folder)) as daemon:
        script = Path(folder) / "ascend-sidecar"
        script.write_text(_SCRIPT)
        there = ("--socket", daemon.listen["decision_socket"])
        lines = {
            "true": ["/bin/true"],
            "python -c pass": [sys.executable, "-c", "pass"],
            "hook": [sys.executable, str(script), "hook", _HOST, *there],
            "check": [sys.executable, str(script), "check", "agent:a", "file.read", "file:/srv/a.py", *there],
        }
        rounds = [{name: _took(line) for name, line in lines.items()} for _ in range(calls)]
    sys.stdout.write(f"{calls} rounds of one call each, medians in ms: wall clock, processor\n")
    for name in lines:
        wall, processor = (statistics.median(one[name][part] for one in rounds) for part in (0, 1))
        sys.stdout.write(f"{name:16} {wall:7.1f} {processor:7.1f}\n")


def _took(line: list[str]) -> Took:
    before, began = _processor(), time.perf_counter()
    payload = json.dumps(reading(_HOST, "/srv/a.py")).encode()
    subprocess.run(line, input=payload, capture_output=True, check=True, cwd=REPOSITORY)
    return (time.perf_counter() - began) * 1000, (_processor() - before) * 1000


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
