"""Rounds that alternate between servers, so that a disturbance of the machine hits all of them alike."""

import os
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from bench.load import Load, Target, measure
from bench.peers import Server
from bench.processes import busy_time, children_time, processor_time

REST: Final = 0.1
QUIET: Final = 0.1
_REPEATED: Final = 3


@dataclass(frozen=True, slots=True)
class Cell:
    """One thing to measure: a server, one of its doors, a number of connections."""

    server: Server
    door: str
    connections: int

    @property
    def key(self) -> tuple[str, str, int]:
        """The cell's name in tables."""
        return (self.server.name, self.door, self.connections)

    @property
    def target(self) -> Target:
        """Where the load of this cell goes."""
        unix = self.server.unix
        return unix if self.door == "unix" and unix else self.server.tcp


@dataclass(frozen=True, slots=True)
class Summary:
    """Medians over the rounds; `lowest` and `highest` rate tell how far the rounds were apart.

    Times in ms, `processor` in µs of processor time an answer, all processes of the server together. `others` is
    the share of the machine that neither the server nor the load used, in the worst round.
    """

    rate: float
    lowest: float
    highest: float
    p50: float
    p99: float
    processor: float
    others: float
    answers: int
    bad: int


@dataclass(frozen=True, slots=True)
class _Round:
    load: Load
    processor: float
    others: float


Table = dict[tuple[str, str, int], Summary]


def cells(server: Server, connections: Iterable[int]) -> list[Cell]:
    """Every door of a server with each number of connections."""
    doors = ["tcp", "unix"] if server.unix else ["tcp"]
    return [Cell(server, door, number) for number in connections for door in doors]


def alternate(todo: Sequence[Cell], rounds: int, seconds: float, scratch: Path) -> Table:
    """Measures every cell in every round. Raises BenchError if an answer is wrong before or after.

    A round of which others took more than a tenth of the machine is repeated; at most one in three.
    """
    servers = {cell.server.name: cell.server for cell in todo}.values()
    for server in servers:
        server.check()
    taken: dict[tuple[str, str, int], list[_Round]] = defaultdict(list)
    repeats = iter(range(rounds * len(todo) // _REPEATED))
    for number in range(rounds):
        first = number % len(todo)
        for cell in (*todo[first:], *todo[:first]):
            taken[cell.key].append(_quietest(cell, seconds, scratch, repeats))
    for server in servers:
        server.check()
    return {key: _summary(loads) for key, loads in taken.items()}


def _quietest(cell: Cell, seconds: float, scratch: Path, repeats: Iterator[int]) -> _Round:
    first = _measure(cell, seconds, scratch)
    if first.others <= QUIET or next(repeats, None) is None:
        return first
    return min(first, _measure(cell, seconds, scratch), key=lambda one: one.others)


def _measure(cell: Cell, seconds: float, scratch: Path) -> _Round:
    # What one server left for the disk to write would otherwise be paid by the syncs of the next.
    os.sync()
    time.sleep(REST)
    busy, server, own, began = busy_time(), processor_time(cell.server.pid), children_time(), time.monotonic()
    load = measure(cell.target, cell.connections, seconds, scratch)
    server = processor_time(cell.server.pid) - server
    others = busy_time() - busy - server - (children_time() - own)
    share = max(0.0, others) / (time.monotonic() - began) / (os.cpu_count() or 1)
    print(
        f"  {' '.join(map(str, cell.key))}: {load.rate:,.0f}/s, p99 {load.p99:.2f} ms, others {share:.0%}",
        flush=True,
    )
    return _Round(load, server / load.answers * 1e6, share)


def _summary(taken: list[_Round]) -> Summary:
    loads = [round_.load for round_ in taken]
    return Summary(
        rate=median(load.rate for load in loads),
        lowest=min(load.rate for load in loads),
        highest=max(load.rate for load in loads),
        p50=median(load.p50 for load in loads),
        p99=median(load.p99 for load in loads),
        processor=median(round_.processor for round_ in taken),
        others=max(round_.others for round_ in taken),
        answers=sum(load.answers for load in loads),
        bad=sum(load.bad for load in loads),
    )
