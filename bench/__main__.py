"""One run: us and our peers on the same machine, the same request, alternating rounds; then what only we do.

Usage: python -m bench [--quick] [--only PART]
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from bench import load
from bench.compare import RULES, Plan, compare
from bench.daemon import daemon, policies
from bench.figures import JUDGED_AT, Figure, growth
from bench.machine import description, sync_time
from bench.parts import MANY, PARTS
from bench.peers import CACHE
from bench.processes import BenchError
from bench.report import Report, figures_table, render
from bench.rounds import Cell, alternate

FEW: Final = 10
FULL: Final = Plan(2.5, 5, 3, 5, 2)
QUICK: Final = Plan(1.0, 1, 1, 1, 1)
RESULTS: Final = Path(__file__).parent / "RESULTS.md"


def main() -> int:
    """Runs everything, prints the report and writes it. 1 if a part did not run or an answer was wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure the daemon beside its peers."
    )
    parser.add_argument("--quick", action="store_true", help="one short round of everything, written nowhere")
    parser.add_argument("--only", choices=PARTS, help="only this part of what no peer does, written nowhere")
    chosen = parser.parse_args()
    plan = QUICK if chosen.quick else FULL
    try:
        return _only(chosen.only, plan) if chosen.only else _whole(plan)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1


def _whole(plan: Plan) -> int:
    report = run(plan)
    text = render(report)
    print(text)
    if plan is not QUICK:
        RESULTS.write_text(text)
    return 0 if all(figure.met for figure in report.honesty) else 1


def _only(part: str, plan: Plan) -> int:
    load.require()
    with _folder() as work:
        print(figures_table(PARTS[part](work, plan)))
    return 0


def run(plan: Plan) -> Report:
    """Everything that one run measures. Raises BenchError when a part of it cannot run."""
    load.require()
    began = time.monotonic()
    with _folder() as work:
        machine = description(work)
        compared = compare(work, plan)
        stages = {count: _stages(policies(work, count)) for count in (FEW, RULES, MANY)}
        machine["the same, after the comparison"] = sync_time(work)
        own = _growth(work, plan, stages)
        for name, part in PARTS.items():
            print(name, flush=True)
            own += part(work, plan)
    method = (
        f"Median of {plan.judged_rounds} alternating rounds at {JUDGED_AT} connections, "
        f"of {plan.other_rounds} at others, {plan.seconds:g} s each. "
        f"Figures are judged at {JUDGED_AT} connections over TCP unless they say otherwise. "
        f"The run took {time.monotonic() - began:.0f} s."
    )
    return Report(machine, method, compared, own, stages)


@contextmanager
def _folder() -> Iterator[Path]:
    CACHE.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=CACHE, prefix="run-") as folder:
        yield Path(folder)


def _stages(folder: Path) -> dict[str, float]:
    print(f"stages of a decision, {folder.name}", flush=True)
    line = [sys.executable, "-m", "bench.stages", str(folder)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"the stages of a decision could not be measured:\n{done.stderr[-2000:]}")
    return msgspec.json.decode(done.stdout, type=dict[str, float])


def _growth(work: Path, plan: Plan, stages: dict[int, dict[str, float]]) -> list[Figure]:
    names = {count: f"{count:,} rules" for count in (FEW, MANY)}
    with ExitStack() as stack:
        daemons = {count: stack.enter_context(daemon(work, count)) for count in names}
        servers = [replace(daemons[count].server, name=name) for count, name in names.items()]
        todo = [Cell(server, "tcp", JUDGED_AT) for server in servers]
        table = alternate(todo, plan.judged_rounds, plan.seconds, work)
    return growth(table, names[FEW], names[MANY], (stages[FEW]["judgement"], stages[MANY]["judgement"]))


if __name__ == "__main__":
    sys.exit(main())
