"""Holds: decisions that wait for people, kept in memory. Nothing grants one; at its end it is denied."""

import heapq
import secrets
from dataclasses import dataclass

from sidecar.core.model import Decision
from sidecar.core.record import Hold


@dataclass(frozen=True, slots=True, order=True)
class _Due:
    at: float
    seq: int


class Holds:
    """Open holds by their decision's number, at most `limit` of them."""

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._open: dict[int, Hold] = {}
        self._due: list[_Due] = []

    def __len__(self) -> int:
        return len(self._open)

    @property
    def is_full(self) -> bool:
        return len(self._open) >= self._limit

    def prepare(self, decision: Decision) -> Hold:
        """The hold that a pending decision opens: it ends when its first stage does."""
        within = decision.stages[0].within if decision.stages else 0.0
        return Hold(f"apr_{secrets.token_hex(12)}", decision.now + within)

    def open(self, seq: int, hold: Hold) -> None:
        self._open[seq] = hold
        heapq.heappush(self._due, _Due(hold.expires_at, seq))

    def is_open(self, seq: int, now: float) -> bool:
        """Whether people may still answer; False after a restart, since nothing here outlives one."""
        hold = self._open.get(seq)
        return hold is not None and now < hold.expires_at

    def expire(self, now: float) -> list[tuple[int, Hold]]:
        """Take out and return every hold whose time is over."""
        ended: list[tuple[int, Hold]] = []
        while self._due and self._due[0].at <= now:
            seq = heapq.heappop(self._due).seq
            if hold := self._open.pop(seq, None):
                ended.append((seq, hold))
        return ended
