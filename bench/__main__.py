"""One run: us and our peers on the same machine, the same request, alternating rounds; then what only we do.

Usage: python -m bench [--quick]
"""

import argparse
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from bench import load
from bench.compare import RULES, STATE, Plan, compare
from bench.daemon import daemon, policies
from bench.figures import JUDGED_AT, Figure, growth, signed, starts, swaps
from bench.machine import description, sync_time
from bench.peers import CACHE
from bench.processes import BenchError, forget_peak, peak, resident
from bench.remote import scoring, silence
from bench.report import Report, render
from bench.rounds import Cell, alternate
from bench.signed import Cost, Publisher
from bench.swap import publish, swap_at_rest, swap_under_load
from bench.waiting import open_ones

FEW: Final = 10
MANY: Final = 10_000
PACE: Final = 100
SHORT: Final = 0.5
FULL: Final = Plan(2.5, 5, 3, 5, 2)
QUICK: Final = Plan(1.0, 1, 1, 1, 1)
RESULTS: Final = Path(__file__).parent / "RESULTS.md"


def main() -> int:
    """Runs everything, prints the report and writes it. 1 if a part did not run or an answer was wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure the daemon beside its peers."
    )
    parser.add_argument("--quick", action="store_true", help="one short round of everything, written nowhere")
    quick = parser.parse_args().quick
    try:
        report = run(QUICK if quick else FULL)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    text = render(report)
    print(text)
    if not quick:
        RESULTS.write_text(text)
    return 0 if all(figure.met for figure in report.honesty) else 1


def run(plan: Plan) -> Report:
    """Everything that one run measures. Raises BenchError when a part of it cannot run."""
    load.require()
    CACHE.mkdir(exist_ok=True)
    began = time.monotonic()
    with TemporaryDirectory(dir=CACHE, prefix="run-") as folder:
        work = Path(folder)
        machine = description(work)
        compared = compare(work, plan)
        stages = {count: _stages(policies(work, count)) for count in (FEW, RULES, MANY)}
        machine["the same, after the comparison"] = sync_time(work)
        own = [*_growth(work, plan, stages), *_starts(work, plan), *_swaps(work, plan), *_signed(work, plan)]
        own += _others(work, plan)
    method = (
        f"Median of {plan.judged_rounds} alternating rounds at {JUDGED_AT} connections, "
        f"of {plan.other_rounds} at others, {plan.seconds:g} s each. "
        f"Figures are judged at {JUDGED_AT} connections over TCP unless they say otherwise. "
        f"The run took {time.monotonic() - began:.0f} s."
    )
    return Report(machine, method, compared, own, stages)


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


def _starts(work: Path, plan: Plan) -> list[Figure]:
    print("starts", flush=True)
    fresh = [_start(work, RULES) for _ in range(plan.starts)]
    return starts(fresh, _start(work, RULES, STATE), _start(work, MANY))


def _start(work: Path, rules: int, state: str = "") -> float:
    with daemon(work, rules, state) as started:
        return started.took


def _others(work: Path, plan: Plan) -> list[Figure]:
    """Those whose answers decisions wait for: the platform, and people. Ratios near 1 take many short rounds."""
    print("platform and approvals", flush=True)
    return [
        *scoring(work, RULES, 2 * plan.other_rounds, SHORT),
        *silence(work, RULES, 2 * plan.judged_rounds, SHORT),
        *open_ones(work, RULES, 2 * plan.judged_rounds, SHORT),
    ]


def _signed(work: Path, plan: Plan) -> list[Figure]:
    print("signed bundles", flush=True)
    publisher = Publisher(policies(work, MANY))
    file = work / "cost.dsse"
    file.write_bytes(publisher.next())
    cost = _cost(file, publisher.key)
    with daemon(work, MANY, publisher=publisher) as ours:
        revisions = [publisher.next() for _ in range(2 * plan.swaps + 2)]
        change = publish(revisions)
        budget = 3 * swap_at_rest(ours, change) + 1.0
        steady = resident(ours.server.pid)
        forget_peak(ours.server.pid)
        swap_at_rest(ours, change)
        most = peak(ours.server.pid)
        saturated = swap_under_load(ours, plan.swaps, budget, work, change=change)
        paced = swap_under_load(ours, plan.swaps, budget, work, PACE, change=change)
    return signed(cost, saturated, paced, steady, most)


def _cost(file: Path, key: str) -> Cost:
    line = [sys.executable, "-m", "bench.signed", str(file), key]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"the cost of a signed bundle could not be measured:\n{done.stderr[-2000:]}")
    return msgspec.json.decode(done.stdout, type=Cost)


def _swaps(work: Path, plan: Plan) -> list[Figure]:
    print("swaps", flush=True)
    with daemon(work, MANY) as ours:
        at_rest = swap_at_rest(ours)
        budget = 3 * at_rest + 1.0
        saturated = swap_under_load(ours, plan.swaps, budget, work)
        paced = swap_under_load(ours, plan.swaps, budget, work, PACE)
    return swaps(at_rest, saturated, paced)


if __name__ == "__main__":
    sys.exit(main())
