"""Where the time of one decision goes: its pure parts, measured in this process, no loop, socket or disk.

Usage: python -m bench.stages FOLDER, which prints one JSON object: name of the part to microseconds.
"""

import gc
import hashlib
import sys
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from statistics import median
from typing import Final

import msgspec

from bench.rules import REQUEST
from sidecar.api.answers import told, verdict_headers
from sidecar.api.wire import encode, read_request
from sidecar.core.bundle import load_folder
from sidecar.core.ijson import JsonLimits, parse_object
from sidecar.core.judge import judge
from sidecar.core.masking import Masker
from sidecar.core.model import Caller, Door, Verdict
from sidecar.core.policy import Inputs
from sidecar.core.record import DecisionRecord, Trace, encode_decision
from sidecar.core.snapshot import Snapshot
from sidecar.service.asked import Answer
from sidecar.service.ports import Receipt

CALLS: Final = 2000
REPEATS: Final = 9


def stages(folder: Path) -> dict[str, float]:
    """Microseconds of each part, median of 9 times 2,000 calls; `judgement` includes risk and policy."""
    bundle = load_folder(_files(folder), _default_tables(), str(folder))
    snapshot, masker, raw, limits = (
        Snapshot(bundle),
        Masker(bundle.masking, bytes(32)),
        REQUEST.encode(),
        JsonLimits(),
    )
    request, caller, trace, now = read_request(parse_object(raw, limits)), Caller(), Trace(), time.time()
    decision = judge(snapshot, request, caller, now)
    if decision.verdict is not Verdict.ALLOW:
        raise SystemExit(f"the measured request is not allowed: {decision}")
    risk = bundle.risk.assess(request)
    inputs = Inputs(request, risk, caller, now)
    answer = Answer(decision, Receipt(123456, "0" * 64))
    record = DecisionRecord(Door.AUTHZEN, caller, request, decision)
    line = encode_decision(record, masker)
    parts: dict[str, Callable[[], object]] = {
        "read the body": lambda: read_request(parse_object(raw, limits)),
        "risk": lambda: bundle.risk.assess(request),
        "policy": lambda: bundle.policies.evaluate(inputs),
        "judgement": lambda: judge(snapshot, request, caller, now),
        "record": lambda: encode_decision(record, masker),
        "two digests": lambda: (hashlib.sha256(line).digest(), hashlib.sha256(line).digest()),
        "answer": lambda: (
            encode(told(answer)),
            verdict_headers(answer, trace),
        ),
    }
    gc.collect()
    gc.freeze()
    return {name: _time(part) for name, part in parts.items()}


def _time(part: Callable[[], object]) -> float:
    taken = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        for _ in range(CALLS):
            part()
        taken.append((time.perf_counter() - began) / CALLS * 1e6)
    return median(taken)


def _files(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*.yaml")}


def _default_tables() -> dict[str, bytes]:
    tables = resources.files("sidecar") / "defaults" / "data"
    return {
        f"data/{file.name}": file.read_bytes() for file in tables.iterdir() if file.name.endswith(".yaml")
    }


if __name__ == "__main__":
    print(msgspec.json.encode(stages(Path(sys.argv[1]))).decode())
