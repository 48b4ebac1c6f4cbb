"""The figures of decisions beside those that some decisions wait for: the platform, and people who approve."""

from typing import Final

from bench.figures import Figure
from bench.rounds import Summary

ADDED: Final = 1.0
KEPT: Final = 0.9
KEPT_BESIDE_APPROVALS: Final = 0.95


def scored(its: float, ours: float, local: float, bad: int) -> Figure:
    """A decision that the platform scores: p50 in ms of its own answer, of ours and of a local one.

    `bad` counts answers other than 2xx and other than allow.
    """
    added = ours - its
    return Figure(
        "what we add to the platform's own answer time, platform-scored, 1 connection, p50",
        f"<= {ADDED:g} ms",
        f"{added:.2f} ms ({ours:.2f} / {its:.2f} ms; a local decision {local:.2f} ms), {bad} failed",
        added <= ADDED and not bad,
    )


def black_holed(up: Summary, black: Summary, refused: int) -> list[Figure]:
    """Local decisions while the platform accepts and never answers, against one that allows at once.

    `refused` counts those that were not allowed.
    """
    rate, tail = black.rate / up.rate, up.p99 / black.p99
    failed = up.bad + black.bad + refused
    name = "local decisions, platform black-holed / up, 16 connections"
    return [
        Figure(
            f"{name}, requests/s",
            f">= {KEPT}",
            f"{rate:.2f} ({black.rate:,.0f} / {up.rate:,.0f}), {failed} failed",
            rate >= KEPT and not failed,
        ),
        Figure(
            f"{name}, p99 (up / black-holed)",
            f">= {KEPT}",
            f"{tail:.2f} ({up.p99:.2f} / {black.p99:.2f} ms)",
            tail >= KEPT,
        ),
    ]


def open_approvals(none: Summary, many: Summary, refused: int) -> Figure:
    """The same decisions with 10,000 open approvals and with none; `refused` counts those not allowed."""
    ratio, failed = many.rate / none.rate, none.bad + many.bad + refused
    return Figure(
        "10,000 open approvals / none, requests/s",
        f">= {KEPT_BESIDE_APPROVALS}",
        f"{ratio:.2f} ({many.rate:,.0f} / {none.rate:,.0f}; processor time "
        f"{many.processor:.1f} / {none.processor:.1f} µs), {failed} failed",
        ratio >= KEPT_BESIDE_APPROVALS and not failed,
    )
