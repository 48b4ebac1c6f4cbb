"""What only we do, part by part: each part starts its own daemons and ends with figures of its own."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from bench.compare import RULES, STATE, Plan
from bench.daemon import daemon, policies
from bench.figures import Figure, signed, starts, swaps
from bench.halts import in_force
from bench.listening import listening
from bench.processes import BenchError, forget_peak, peak, resident
from bench.remote import scoring, silence
from bench.signed import Cost, Publisher
from bench.swap import publish, swap_at_rest, swap_under_load
from bench.waiting import open_ones

MANY: Final = 10_000
PACE: Final = 100
SHORT: Final = 0.5

Part = Callable[[Path, Plan], list[Figure]]


def _starts(work: Path, plan: Plan) -> list[Figure]:
    fresh = [_start(work, RULES) for _ in range(plan.starts)]
    return starts(fresh, _start(work, RULES, STATE), _start(work, MANY))


def _start(work: Path, rules: int, state: str = "") -> float:
    with daemon(work, rules, state) as started:
        return started.took


def _swaps(work: Path, plan: Plan) -> list[Figure]:
    with daemon(work, MANY) as ours:
        at_rest = swap_at_rest(ours)
        budget = 3 * at_rest + 1.0
        saturated = swap_under_load(ours, plan.swaps, budget, work)
        paced = swap_under_load(ours, plan.swaps, budget, work, PACE)
    return swaps(at_rest, saturated, paced)


def _signed(work: Path, plan: Plan) -> list[Figure]:
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


def _others(work: Path, plan: Plan) -> list[Figure]:
    """Those whose answers decisions wait for: the platform, and people. Ratios near 1 take many short rounds."""
    return [
        *scoring(work, RULES, 2 * plan.other_rounds, SHORT),
        *silence(work, RULES, 2 * plan.judged_rounds, SHORT),
        *open_ones(work, RULES, 2 * plan.judged_rounds, SHORT),
    ]


def _halts(work: Path, plan: Plan) -> list[Figure]:
    return [
        *listening(work, RULES, SHORT),
        *in_force(work, RULES, 2 * plan.judged_rounds, SHORT),
    ]


PARTS: Final[dict[str, Part]] = {
    "starts": _starts,
    "swaps": _swaps,
    "signed": _signed,
    "others": _others,
    "halts": _halts,
}
"""By the names that `--only` takes."""
