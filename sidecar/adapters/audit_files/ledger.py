"""The ledger: numbers, times and chains records. What it has handed out may still fail to become durable."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from sidecar.core.chain import Head, line_hash, link
from sidecar.core.model import Code
from sidecar.core.times import rfc3339
from sidecar.service.ports import Clock, Receipt


@dataclass(slots=True)
class Gap:
    """Answers of one code that left without a record: how many, the first and the last, in epoch seconds."""

    count: int
    first: float
    last: float


class Ledger:
    """The end of the chain, and the answers without a record that the next record tells of."""

    def __init__(self, head: Head, newest: float, clock: Clock) -> None:
        self._clock = clock
        self._seq = head.size
        self._prev = head.hash
        self._newest = newest
        self._gaps: dict[Code, Gap] = {}
        self._carried: list[tuple[int, dict[Code, Gap]]] = []

    @property
    def has_gaps(self) -> bool:
        return bool(self._gaps)

    def link(self, body: bytes) -> tuple[bytes, Receipt]:
        """The next line, without its newline, and what its caller gets once it is durable."""
        seq = self._seq
        line = link(seq, self._prev, self._time(), self._tell(seq) if self._gaps else b"", body)
        digest = line_hash(line)
        self._seq = seq + 1
        self._prev = digest
        return line, Receipt(seq, digest)

    def unrecorded(self, code: Code, now: float) -> None:
        """Count an answer that left without a record."""
        self._merge({code: Gap(1, now, now)})

    def durable(self, size: int) -> None:
        """The first `size` records are durable: what they tell of need not be told again."""
        if self._carried:
            self._carried = [carried for carried in self._carried if carried[0] >= size]

    def rewind(self, head: Head) -> None:
        """The records after `head` were lost."""
        self._seq, self._prev = head.size, head.hash
        carried, self._carried = self._carried, []
        for _, gaps in carried:
            self._merge(gaps)

    def go_back(self, now: float) -> None:
        """Later records are of that time (epoch seconds) on, though earlier ones are not."""
        self._newest = now

    def _time(self) -> bytes:
        # The clock may be set back, the log's times never go back.
        self._newest = max(self._clock.now(), self._newest)
        return rfc3339(self._newest).encode()

    def _tell(self, seq: int) -> bytes:
        gaps, self._gaps = self._gaps, {}
        self._carried.append((seq, gaps))
        told = {
            code: {"count": gap.count, "from": rfc3339(gap.first), "to": rfc3339(gap.last)}
            for code, gap in gaps.items()
        }
        return b'"unrecorded":' + msgspec.json.encode(told) + b","

    def _merge(self, gaps: Mapping[Code, Gap]) -> None:
        for code, gap in gaps.items():
            known = self._gaps.setdefault(code, Gap(0, gap.first, gap.last))
            known.count += gap.count
            known.first, known.last = min(known.first, gap.first), max(known.last, gap.last)
