"""The report of a run: bench/RESULTS.md, and the same on standard output."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bench.compare import Comparison, Split
from bench.figures import Figure
from bench.rounds import Table

_MET: Final = {True: "yes", False: "**no**", None: "-"}
_STAGES_ARE: Final = (
    "Microseconds of the pure parts in one process, without loop, socket or disk. "
    "Risk and policy are part of the judgement."
)
_TO_KNOW: Final = (
    "The request is one AuthZEN evaluation of 251 bytes. A rule that reads amount and stored data allows it.",
    "Cerbos hands policies no action properties of an AuthZEN request; its condition reads the resource's.",
    "OPA gets the same request as `input` through `/v1/data`.",
    "We write and sync every record before its answer leaves. Cerbos and OPA write theirs without a sync.",
    "The platform is an aiohttp handler that answers every submit with a constant.",
    "Beside local decisions four ask for what it scores, at most ten times a second each.",
    "Black-holed, it accepts and never answers: calls hang for the first seconds, then the breaker is open.",
    "Open approvals are opened through the door, each for another amount.",
    "Rounds with a platform or open approvals last 0.5 s, and there are twice as many.",
    "Halts are published on moto's SNS, in a process of its own, and reach us and a bare loop by a queue each.",
    "moto delivers to one queue after the other; each of the two is the last one for half of the halts.",
    "The agent is asked for without a pause over one connection, while its halt is on its way.",
    "The 100,000 halts are of agents, globs of agents, tools, orchestrations, groups and MCP servers.",
)


@dataclass(frozen=True, slots=True)
class Report:
    """All that one run found out. `own` are the figures that no peer is asked for."""

    machine: Mapping[str, str]
    method: str
    compared: Comparison
    own: Sequence[Figure]
    stages: Mapping[int, Mapping[str, float]]

    @property
    def honesty(self) -> Sequence[Figure]:
        """Whether the figures are about right answers."""
        return self.compared.honesty


def render(report: Report) -> str:
    """The whole report as Markdown."""
    compared = report.compared
    parts = [
        "# Benchmark results",
        "Written by `make bench`; do not edit.",
        report.method,
        "## Figures",
        figures_table([*compared.figures, *report.own, *compared.honesty]),
        "## Rates and latencies",
        _loads(compared.table),
        "## Where the time of a decision goes",
        _STAGES_ARE,
        _stages(report.stages),
        "Processor time of one answer at the door, 16 connections over TCP, by process:",
        _split(compared.split),
        "## Machine",
        _rows(("what", "value"), [list(item) for item in report.machine.items()]),
        "## Commands",
        "```\n" + "\n".join(compared.commands) + "\n```",
        "## To know",
        "\n".join(f"- {line}" for line in [*_TO_KNOW, *(f"Left out: {why}" for why in compared.missing)]),
    ]
    return "\n\n".join(parts) + "\n"


def figures_table(figures: Sequence[Figure]) -> str:
    """The figures with their targets, as a table in Markdown."""
    rows = [[figure.name, figure.target, figure.measured, _MET[figure.met]] for figure in figures]
    return _rows(("figure", "target", "measured", "met"), rows)


def _loads(table: Table) -> str:
    head = (
        "server",
        "door",
        "connections",
        "requests/s",
        "lowest - highest",
        "p50 ms",
        "p99 ms",
        "processor µs",
        "others",
        "bad",
    )
    rows = [
        [
            server,
            door,
            str(connections),
            f"{summary.rate:,.0f}",
            f"{summary.lowest:,.0f} - {summary.highest:,.0f}",
            f"{summary.p50:.2f}",
            f"{summary.p99:.2f}",
            f"{summary.processor:.0f}",
            f"{summary.others:.0%}",
            str(summary.bad),
        ]
        for (server, door, connections), summary in sorted(
            table.items(), key=lambda item: (item[0][2], item[0])
        )
    ]
    return _rows(head, rows)


def _stages(stages: Mapping[int, Mapping[str, float]]) -> str:
    names = list(next(iter(stages.values())))
    rows = [[name, *(f"{parts[name]:.1f}" for parts in stages.values())] for name in names]
    return _rows(("part", *(f"{count:,} rules" for count in stages)), rows)


def _split(split: Sequence[Split]) -> str:
    rows = [[part.name, f"{part.user:.1f}", f"{part.system:.1f}"] for part in split]
    return _rows(("process", "own code µs", "kernel µs"), rows)


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
