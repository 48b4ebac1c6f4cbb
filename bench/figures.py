"""The figures that are to be reached, each with its target and what was measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench.daemon import NAME
from bench.rounds import QUIET, Table
from bench.signed import Cost
from bench.swap import LIMIT, Swapped

CONNECTIONS: Final = (1, 16, 64)
JUDGED_AT: Final = 16


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report. `met` is None where there is no target, or nothing could be measured."""

    name: str
    target: str
    measured: str
    met: bool | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident MB of one process; `shared_out` divides shared pages among those who share them."""

    name: str
    resident: float
    shared_out: float


def ratios(table: Table) -> list[Figure]:
    """Us against the bare handler, Cerbos, OPA; the Unix socket against TCP. At 16 connections, on TCP."""
    return [
        _rate(table, "us / bare aiohttp, requests/s", 0.5, "bare aiohttp"),
        _rate(table, "us / Cerbos (audit file on), requests/s", 2.2, "Cerbos"),
        _p99(table, "us / Cerbos (audit file on), p99", 1 / 3, "Cerbos"),
        _rate(table, "us / OPA (decision log to console, request log off), requests/s", 1.5, "OPA"),
        _rate(
            table,
            "us / OPA (decision log to console, request log on, as it ships)",
            1.5,
            "OPA, request log on",
        ),
        _doors(table, NAME, 1.05),
        _doors(table, "bare aiohttp", None),
    ]


def _rate(table: Table, name: str, least: float, peer: str) -> Figure:
    ours, its = table.get((NAME, "tcp", JUDGED_AT)), table.get((peer, "tcp", JUDGED_AT))
    if ours is None or its is None:
        return Figure(name, f">= {least}", "not measured")
    ratio = ours.rate / its.rate
    measured = f"{ratio:.2f} ({ours.rate:,.0f} / {its.rate:,.0f})"
    return Figure(name, f">= {least}", measured, ratio >= least)


def _p99(table: Table, name: str, most: float, peer: str) -> Figure:
    ours, its = table.get((NAME, "tcp", JUDGED_AT)), table.get((peer, "tcp", JUDGED_AT))
    if ours is None or its is None:
        return Figure(name, "<= 1/3", "not measured")
    ratio = ours.p99 / its.p99
    return Figure(name, "<= 1/3", f"{ratio:.2f} ({ours.p99:.2f} / {its.p99:.2f} ms)", ratio <= most)


def _doors(table: Table, server: str, least: float | None) -> Figure:
    name = f"{server}, Unix socket / loopback TCP, requests/s"
    unix, tcp = table.get((server, "unix", JUDGED_AT)), table.get((server, "tcp", JUDGED_AT))
    target = f">= {least}" if least else "-"
    if unix is None or tcp is None:
        return Figure(name, target, "not measured")
    ratio = unix.rate / tcp.rate
    return Figure(
        name, target, f"{ratio:.2f} ({unix.rate:,.0f} / {tcp.rate:,.0f})", ratio >= least if least else None
    )


def growth(table: Table, few: str, many: str, judgements: tuple[float, float]) -> list[Figure]:
    """10,000 rules against 10: at the door, in processor time, and the bare judgement (few, many; µs)."""
    small, large = table[(few, "tcp", JUDGED_AT)], table[(many, "tcp", JUDGED_AT)]
    return [
        _growth("at the door", 1e6 / small.rate, 1e6 / large.rate),
        _growth("processor time at the door", small.processor, large.processor),
        _growth("judgement in process", *judgements),
    ]


def _growth(name: str, few: float, many: float) -> Figure:
    ratio = many / few
    measured = f"{ratio:.2f} ({many:.1f} / {few:.1f} µs)"
    return Figure(f"10,000 rules / 10 rules, time per decision, {name}", "<= 1.2", measured, ratio <= 1.2)


def memory(parts: Sequence[Memory], peers: Sequence[Memory]) -> list[Figure]:
    """Each process, and their sum, judged with shared pages counted as often as they are mapped."""
    total, shared_out = sum(part.resident for part in parts), sum(part.shared_out for part in parts)
    measured = f"{total:.1f} MB ({shared_out:.1f} MB with shared pages counted once)"
    name = "resident memory after load, 1,000 rules"
    return [
        Figure(f"{name}, all our processes", "<= 80 MB", measured, total <= 80),
        *(Figure(f"{name}, {part.name}", "-", f"{part.resident:.1f} MB") for part in (*parts, *peers)),
    ]


def starts(fresh: Sequence[float], again: float, many: float) -> list[Figure]:
    """Spawn to /readyz 200, in seconds: on fresh states, on the log of this run, with 10,000 rules."""
    middle = sorted(fresh)[len(fresh) // 2]
    spread = f"{middle:.2f} s (median of {len(fresh)}, {min(fresh):.2f} to {max(fresh):.2f})"
    return [
        Figure("start to ready, 1,000 rules, fresh state", "<= 0.8 s", spread, middle <= 0.8),
        Figure("start to ready, 1,000 rules, on the log of this run", "-", f"{again:.2f} s"),
        Figure("start to ready, 10,000 rules, fresh state", "-", f"{many:.2f} s"),
    ]


def swaps(at_rest: float, saturated: Swapped, paced: Swapped) -> list[Figure]:
    """The swap of 10,000 rules, under all the load that 16 connections bear and under a paced one."""
    took = f"{at_rest:.1f} s at rest"
    return [
        Figure("swap of 10,000 rules, SIGHUP to the new revision", "-", took),
        _swap("saturated", saturated),
        _swap("paced", paced),
    ]


def signed(cost: Cost, saturated: Swapped, paced: Swapped, steady: float, most: float) -> list[Figure]:
    """A signed bundle of 10,000 rules: loaded beside a loop, swapped under load, and the memory that takes (MB)."""
    ratio = most / steady
    return [
        Figure(
            "signed bundle of 10,000 rules, verify and compile",
            "<= 1.5 s",
            f"{cost.seconds:.2f} s",
            cost.seconds <= 1.5,
        ),
        Figure(
            "the same, longest hold of the loop meanwhile",
            "<= 5 ms",
            f"{cost.hold:.1f} ms",
            cost.hold <= 5,
        ),
        _swap("signed, saturated", saturated),
        _swap("signed, paced", paced),
        Figure(
            "peak / steady resident memory, signed swap of 10,000 rules, main process",
            "<= 1.6",
            f"{ratio:.2f} ({most:.1f} / {steady:.1f} MB)",
            ratio <= 1.6,
        ),
    ]


def _swap(name: str, swapped: Swapped) -> Figure:
    met = swapped.covered and not swapped.slow and not swapped.bad
    took = ", ".join(f"{seconds:.1f}" for seconds in swapped.took)
    measured = (
        f"longest {swapped.longest_in_swap:.1f} ms ({swapped.longest_at_rest:.1f} ms outside swaps), "
        f"{swapped.slow} over {LIMIT:.0f} ms, {swapped.bad} failed, of {swapped.answers:,} "
        f"at {swapped.rate:,.0f}/s; swaps took {took} s"
        + ("" if swapped.covered else "; the load ended too early")
    )
    target = f"none over {LIMIT:.0f} ms, none failed"
    return Figure(f"swap of 10,000 rules under load, 16 connections, {name}", target, measured, met)


def honest(table: Table, recorded: int, answered: int, refused: int) -> list[Figure]:
    """That the figures are about right answers, every one of them recorded."""
    bad = sum(summary.bad for summary in table.values())
    answers = sum(summary.answers for summary in table.values())
    return [
        Figure("answers other than 2xx, all servers", "0", f"{bad} of {answers:,}", bad == 0),
        Figure("our answers other than allow", "0", f"{refused}", refused == 0),
        Figure("our records / our answers", ">= 1", f"{recorded:,} / {answered:,}", recorded >= answered),
    ]


def quiet(table: Table) -> Figure:
    """Whether the machine was ours: what other processes took of it in the worst round."""
    others = max(summary.others for summary in table.values())
    return Figure(
        "share of the machine taken by others, worst round", "<= 10 %", f"{others:.0%}", others <= QUIET
    )
