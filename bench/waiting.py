"""Open approvals: what thousands of them cost decisions that nobody need approve."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.daemon import Daemon, daemon
from bench.figures import JUDGED_AT, Figure
from bench.load import Target
from bench.peers import ask
from bench.processes import BenchError
from bench.rounds import Cell, alternate
from bench.rules import held_request
from bench.waits import open_approvals

OPEN: Final = 10_000
ASKERS: Final = 16
BATCH: Final = 50
NONE: Final = "no open approval"
MANY: Final = f"{OPEN:,} open approvals"


def open_ones(work: Path, rules: int, rounds: int, seconds: float) -> list[Figure]:
    """The measured request at two daemons by turns; people owe one of them 10,000 answers."""
    with daemon(work, rules) as free, daemon(work, rules) as owed:
        began = time.monotonic()
        _open(owed, work)
        print(f"{MANY}, opened in {time.monotonic() - began:.1f} s", flush=True)
        held = owed.refused()
        servers = [replace(free.server, name=NONE), replace(owed.server, name=MANY)]
        table = alternate([Cell(server, "tcp", JUDGED_AT) for server in servers], rounds, seconds, work)
        refused = free.refused() + owed.refused() - held
    none, many = (table[name, "tcp", JUDGED_AT] for name in (NONE, MANY))
    return [open_approvals(none, many, refused)]


def _open(ours: Daemon, work: Path) -> None:
    """Raises BenchError unless every request was held by an approval of its own."""
    bodies = [_batch(work, first) for first in range(0, OPEN, BATCH)]
    targets = [Target(f"{ours.server.tcp.url}s", body) for body in bodies]
    with ThreadPoolExecutor(ASKERS) as askers:
        opened = {approval for some in askers.map(_approvals, targets) for approval in some}
    if len(opened) != OPEN:
        raise BenchError(f"{len(opened):,} approvals were opened, and not {OPEN:,}")


def _batch(work: Path, first: int) -> Path:
    body = work / f"held-{first}.json"
    items = [held_request(number) for number in range(first, first + BATCH)]
    body.write_bytes(msgspec.json.encode({"evaluations": items, "options": {"context": True}}))
    return body


def _approvals(target: Target) -> set[str]:
    status, answer = ask(target)
    if status != 200:
        raise BenchError(f"a batch of requests that people must approve was answered {status}: {answer}")
    contexts: list[dict[str, Any]] = [one["context"] for one in answer["evaluations"]]
    return {context["approval"]["id"] for context in contexts if context["verdict"] == "pending"}
