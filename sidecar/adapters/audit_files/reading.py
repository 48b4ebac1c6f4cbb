"""Reading the log: by number, newest first, in order, and as it grows. Works beside a running daemon."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from sidecar.adapters.audit_files.layout import Layout, Segment
from sidecar.adapters.audit_files.lines import find, last_lines, whole_lines
from sidecar.core.chain import epoch, line_hash, line_seq, line_time
from sidecar.core.errors import AuditError
from sidecar.core.model import Object

_PAUSE: Final = 0.2


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as it stands in the log: `line` is its exact bytes, `hash` their hex SHA-256."""

    seq: int
    line: bytes

    @property
    def hash(self) -> str:
        return line_hash(self.line)

    @property
    def time(self) -> float:
        """When it was written, in epoch seconds. Raises AuditError if it does not say."""
        time = epoch(line_time(self.line))
        if time is None:
            raise AuditError(f"record {self.seq} has no time")
        return time

    @property
    def record(self) -> Object:
        """The decoded line. Raises AuditError if it is no JSON object."""
        try:
            return msgspec.json.decode(self.line, type=Object)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise AuditError(f"record {self.seq} is no JSON object: {error}") from error


class LogReader:
    """The records of one state folder. What it does not find was never written or is no longer kept."""

    def __init__(self, state: Path) -> None:
        self._layout = Layout(state)

    def entry(self, seq: int) -> Entry | None:
        """Record `seq`. Raises OSError."""
        holding = [segment for segment in self._layout.segments() if segment.first <= seq]
        try:
            found = find(holding[-1].path, seq) if holding else None
        except FileNotFoundError:
            return None
        return Entry(seq, found.line) if found else None

    def newest(self, limit: int) -> list[Entry]:
        """The last `limit` records, newest first. Raises OSError."""
        entries: list[Entry] = []
        for segment in reversed(self._layout.segments()):
            if len(entries) >= limit:
                break
            with contextlib.suppress(FileNotFoundError):
                entries += [_entry(line) for line in last_lines(segment.path, limit - len(entries))]
        return entries

    def entries(self, start: int = 0) -> Iterator[Entry]:
        """All records from number `start` on, oldest first, up to the end as it is then. Raises OSError."""
        for segment in self._from(start):
            found = find(segment.path, start) if segment.first < start else None
            for line in whole_lines(segment.path, found.start if found else 0):
                entry = _entry(line.line)
                if entry.seq >= start:
                    yield entry

    def select(
        self,
        matches: Callable[[Entry], bool],
        *,
        start: int = 0,
        since: float | None = None,
        until: float | None = None,
    ) -> Iterator[Entry]:
        """The matching records from number `start`, written from `since` to before `until` (epoch seconds).

        Times go back where an operator accepted a clock, so behind the first that is too late others may not be.
        """
        for entry in self.entries(self._first_since(start, since)):
            is_wanted = (since is None or entry.time >= since) and (until is None or entry.time < until)
            if is_wanted and matches(entry):
                yield entry

    def follow(self, start: int, pause: Callable[[float], None] = time.sleep) -> Iterator[Entry]:
        """All records from number `start` on, for ever; waits by `pause` while there are no more."""
        while True:
            for entry in self.entries(start):
                start = entry.seq + 1
                yield entry
            pause(_PAUSE)

    def _from(self, start: int) -> list[Segment]:
        segments = self._layout.segments()
        before = sum(segment.first <= start for segment in segments)
        return segments[max(0, before - 1) :]

    def _first_since(self, start: int, since: float | None) -> int:
        """A number at or before that of the first record since then: a segment's first."""
        for segment in reversed(self._layout.segments() if since is not None else []):
            first = next(whole_lines(segment.path), None)
            if first and _entry(first.line).time < (since or 0.0):
                return max(start, segment.first)
        return start


def _entry(line: bytes) -> Entry:
    number = line_seq(line)
    if number is None:
        raise AuditError(f"a line of the log is no record: {line[:80]!r}")
    return Entry(number, line)
