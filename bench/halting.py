"""The figures of the kill switch: how soon a halt is in force, and what it costs to be ready for one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench.figures import Figure
from bench.rounds import Summary

WHOLE: Final = 25.0
SHARE: Final = 5.0
IN_HAND: Final = 2.0
LISTENER: Final = 12.0
TOTAL: Final = 92.0
IDLE_SHARE: Final = 0.01
KEPT_BESIDE_HALTS: Final = 0.952


@dataclass(frozen=True, slots=True)
class Halted:
    """One halt, in ms after it was given to SNS: taken by SNS, in the hand of the bare loop, and what we did with it.

    In our hand, in force, stored, first denied; the denied answer leaves when its record is durable.
    """

    published: float
    bare: float
    in_hand: float
    enforced: float
    stored: float
    denied: float


@dataclass(frozen=True, slots=True)
class Held:
    """What a daemon holds: MB of its main process and of all; share of a core that it takes at rest."""

    main: float
    total: float
    share: float


def reached(halts: Sequence[Halted]) -> list[Figure]:
    """Publish to the first denied answer, beside a bare loop that reads the same messages from a queue of its own.

    A server hands a message to one of the two first, which says nothing of us; each is the last for half of the
    halts. So our share is what lies between the two distributions, and a slow bare loop must not hide a slow halt:
    what we do with a message in hand has the same limit. Halt by halt the difference is told as well.
    """
    whole, bare = [one.denied for one in halts], [one.bare for one in halts]
    own = [one.denied - one.in_hand for one in halts]
    share = _p99(whole) - _p99(bare)
    name = f"SNS publish to the first denied decision, {len(halts)} halts"
    return [
        Figure(
            f"{name}, p99",
            f"<= {WHOLE:g} ms",
            f"{_told(whole)}; SNS took them within {_told([one.published for one in halts])}",
            _p99(whole) <= WHOLE,
        ),
        Figure(
            f"{name}, our share: p99 less that of a bare receive loop, and p99 from the message in hand",
            f"<= {SHARE:g} ms, each",
            f"{share:.2f} ms (p50 {_p50(whole) - _p50(bare):.2f} ms) beside {_told(bare)}; {_told(own)}",
            max(share, _p99(own)) <= SHARE,
        ),
        Figure(
            f"{name}, less the bare loop's time of the same halt",
            "-",
            _told([one.denied - one.bare for one in halts]),
        ),
    ]


def enforced(halts: Sequence[Halted]) -> Figure:
    """By the log's own times."""
    times = [one.enforced - one.in_hand for one in halts]
    stored = [one.stored - one.enforced for one in halts]
    return Figure(
        f"halt, message in hand to in force, {len(halts)} halts, p99",
        f"<= {IN_HAND:g} ms",
        f"{_told(times)}; from then on to stored {_told(stored)}",
        _p99(times) <= IN_HAND,
    )


def listener(deaf: Held, ours: Held) -> list[Figure]:
    """A daemon with the SQS listener against one without, both with 1,000 rules and after the same load."""
    more, share = ours.total - deaf.total, ours.share - deaf.share
    return [
        Figure(
            "SQS listener, resident memory",
            f"<= {LISTENER:g} MB",
            f"{more:.1f} MB ({ours.main:.1f} / {deaf.main:.1f} MB, main processes)",
            more <= LISTENER,
        ),
        Figure(
            "resident memory after load, 1,000 rules, SQS listener, all our processes",
            f"<= {TOTAL:g} MB",
            f"{ours.total:.1f} MB",
            ours.total <= TOTAL,
        ),
        Figure(
            "SQS listener, processor time at rest",
            f"<= {IDLE_SHARE:.0%} of a core",
            f"{share:.2%} ({ours.share:.2%} / {deaf.share:.2%})",
            share <= IDLE_SHARE,
        ),
    ]


def beside_halts(none: Summary, many: Summary, refused: int, took: float, memory: float) -> list[Figure]:
    """The same decisions with 100,000 halts in force and with none; `refused` counts those not allowed.

    `took` is the start on them in seconds, `memory` the MB that they hold of the main process.
    """
    ratio, failed = many.rate / none.rate, none.bad + many.bad + refused
    spent = many.processor / none.processor
    return [
        Figure(
            "100,000 halts in force / none, requests/s",
            f">= {KEPT_BESIDE_HALTS}",
            f"{ratio:.3f} ({many.rate:,.0f} / {none.rate:,.0f}), {failed} failed",
            ratio >= KEPT_BESIDE_HALTS and not failed,
        ),
        Figure(
            "100,000 halts in force / none, processor time per decision",
            "-",
            f"{spent:.3f} ({many.processor:.1f} / {none.processor:.1f} µs)",
        ),
        Figure("start to ready, 1,000 rules, 100,000 stored halts", "-", f"{took:.2f} s"),
        Figure("memory of 100,000 halts, main process", "-", f"{memory:.0f} MB"),
    ]


def _told(times: Sequence[float]) -> str:
    return f"{_p99(times):.2f} ms (p50 {_p50(times):.2f} ms)"


def _p50(times: Sequence[float]) -> float:
    return sorted(times)[len(times) // 2]


def _p99(times: Sequence[float]) -> float:
    return sorted(times)[len(times) * 99 // 100]
