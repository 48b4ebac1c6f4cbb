"""The comparison: us and every peer that can run here, in alternating rounds, and the memory we then hold."""

import shlex
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import load
from bench.daemon import NAME, daemon
from bench.figures import CONNECTIONS, JUDGED_AT, Figure, Memory, honest, memory, quiet, ratios
from bench.machine import command_line
from bench.peers import MissingToolError, Server, bare, cerbos, opa
from bench.processes import family, own_time, proportional, resident
from bench.rounds import Cell, Table, alternate, cells

RULES: Final = 1_000
STATE: Final = "state-compared"

Peer = Callable[[], AbstractContextManager[Server]]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured: seconds a round, rounds where figures are judged and elsewhere, starts, swaps."""

    seconds: float
    judged_rounds: int
    other_rounds: int
    starts: int
    swaps: int


@dataclass(frozen=True, slots=True)
class Split:
    """Processor time of one process for an answer, in µs: in its own code, and in the kernel."""

    name: str
    user: float
    system: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the rounds gave, the figures that follow, whether answers were right, the commands that ran."""

    table: Table
    figures: list[Figure]
    honesty: list[Figure]
    split: list[Split]
    commands: list[str]
    missing: list[str]


def compare(work: Path, plan: Plan) -> Comparison:
    """Runs the rounds. A peer whose tools are missing is left out and named."""
    missing: list[str] = []
    with ExitStack() as stack:
        ours = stack.enter_context(daemon(work, RULES, STATE))
        servers = [ours.server, stack.enter_context(bare(work)), *_peers(stack, work, missing)]
        print(f"comparing {', '.join(server.name for server in servers)}", flush=True)
        alternate([Cell(server, "tcp", JUDGED_AT) for server in servers], 1, 1.0, work)
        before = ours.sequence()
        table = _rounds(servers, plan, work)
        written, refused = ours.sequence() - before, ours.refused()
        held = [Memory(name, resident(pid), proportional(pid)) for name, pid in _named(ours.server.pid)]
        theirs = [Memory(server.name, *_held(server.pid)) for server in servers[1:]]
        split = [part for server in servers[:2] for part in _split(server, plan, work)]
        commands = _commands(servers, plan, work)
    answered = sum(summary.answers for (name, _, _), summary in table.items() if name == NAME)
    figures = [*ratios(table), *memory(held, theirs), quiet(table)]
    return Comparison(table, figures, honest(table, written, answered, refused), split, commands, missing)


def _rounds(servers: list[Server], plan: Plan, work: Path) -> Table:
    judged = [cell for server in servers for cell in cells(server, [JUDGED_AT])]
    others = [number for number in CONNECTIONS if number != JUDGED_AT]
    rest = [cell for server in servers for cell in cells(server, others)]
    table = alternate(judged, plan.judged_rounds, plan.seconds, work)
    return table | alternate(rest, plan.other_rounds, plan.seconds, work)


def _peers(stack: ExitStack, work: Path, missing: list[str]) -> Iterator[Server]:
    peers: tuple[Peer, ...] = (
        lambda: cerbos(work, RULES),
        lambda: opa(work, RULES, request_log=False),
        lambda: opa(work, RULES, request_log=True),
    )
    for peer in peers:
        try:
            yield stack.enter_context(peer())
        except MissingToolError as error:
            missing.append(str(error))


def _named(pid: int) -> list[tuple[str, int]]:
    parent, *children = family(pid)
    return [
        ("main process", parent),
        *((f"child process {number}", child) for number, child in enumerate(children, 1)),
    ]


def _split(server: Server, plan: Plan, work: Path) -> list[Split]:
    before = {pid: own_time(pid) for pid in family(server.pid)}
    answers = load.measure(server.tcp, JUDGED_AT, plan.seconds, work).answers
    spent = {
        pid: [late - early for late, early in zip(own_time(pid), before[pid], strict=True)] for pid in before
    }
    names = {pid: f"{server.name}, {name}" for name, pid in _named(server.pid)}
    return [
        Split(names[pid], user / answers * 1e6, system / answers * 1e6)
        for pid, (user, system) in spent.items()
    ]


def _held(pid: int) -> tuple[float, float]:
    members = family(pid)
    return sum(map(resident, members)), sum(map(proportional, members))


def _commands(servers: list[Server], plan: Plan, work: Path) -> list[str]:
    doors = [target for target in (servers[0].tcp, servers[0].unix) if target]
    loads = [shlex.join(load.command(target, JUDGED_AT, plan.seconds)) for target in doors]
    return [command_line(line, work) for line in [*(_running(server) for server in servers), *loads]]


def _running(server: Server) -> str:
    return shlex.join(Path(f"/proc/{server.pid}/cmdline").read_text().rstrip("\0").split("\0"))
