"""Recent: the last decisions of a log, as a replay takes them. Reads only, beside a running daemon.

1. From the newest segment backwards, find where they begin, and which records are void: what voids stands behind.
2. From there on read in order, each record chained to the one before it, up to the end that step 1 saw.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sidecar.adapters.audit_files.keys import load_vkey
from sidecar.adapters.audit_files.layout import Layout, Segment
from sidecar.adapters.audit_files.lines import rest, whole_lines
from sidecar.adapters.audit_files.reading import Entry, LogReader
from sidecar.core.chain import Head, follow, line_seq, line_time
from sidecar.core.errors import AuditError, ChainBroken
from sidecar.core.flips import Logged
from sidecar.core.record import parse_decision


@dataclass(frozen=True, slots=True)
class Stretch:
    """Records from number `start` to before `end`, and which of them are void."""

    start: int
    end: int
    voided: frozenset[int]


class _Line(msgspec.Struct):
    type: str
    voids: tuple[int, ...] = ()


def find_decisions(state: Path, limit: int) -> Stretch:
    """Where the last `limit` decisions stand. Raises AuditError, or ConfigError if there is no log."""
    layout = Layout(state)
    load_vkey(layout)
    try:
        return _find(layout, limit)
    except OSError as error:
        raise _unreadable(error) from error


def read_decisions(state: Path, stretch: Stretch) -> Iterator[Logged]:
    """All records of the stretch, oldest first. Raises AuditError for one that does not continue the chain."""
    head = Head(stretch.start, "")
    try:
        for entry in LogReader(state).entries(stretch.start):
            if entry.seq >= stretch.end:
                break
            head = follow(head, entry.line)
            yield _logged(entry, is_void=entry.seq in stretch.voided)
    except OSError as error:
        raise _unreadable(error) from error
    if head.size < stretch.end:
        raise ChainBroken(head.size, "was there a moment ago and is not any more")


def _find(layout: Layout, limit: int) -> Stretch:
    found, start, end = 0, 0, 0
    voided: set[int] = set()
    for segment in reversed(layout.segments()):
        decisions: list[int] = []
        last = segment.first - 1
        for last, line in _decoded(segment):
            voided.update(line.voids)
            if line.type == "decision":
                decisions.append(last)
        start, end = segment.first, max(end, last + 1)
        found += len(decisions)
        if found >= limit:
            start = decisions[found - limit]
            break
    return Stretch(start, end, frozenset(voided))


def _decoded(segment: Segment) -> Iterator[tuple[int, _Line]]:
    """The records of a segment by number, decoded as far as is needed to find one."""
    end = 0
    for found in whole_lines(segment.path):
        number = line_seq(found.line)
        try:
            line = msgspec.json.decode(found.line, type=_Line)
        except msgspec.DecodeError as error:
            raise AuditError(f"{segment.path.name}: no record at byte {found.start}: {error}") from error
        if number is None:
            raise AuditError(f"{segment.path.name}: no record at byte {found.start}")
        end = found.end
        yield number, line
    torn = rest(segment.path, end)
    # Beside a running daemon, what was unfinished may be whole by now.
    if torn and next(whole_lines(segment.path, end), None) is None:
        raise AuditError(f"{segment.path.name}: {len(torn)} bytes after byte {end} are no whole record")


def _logged(entry: Entry, *, is_void: bool) -> Logged:
    record = entry.record
    kind, time = str(record.get("type")), line_time(entry.line)
    if kind != "decision":
        return Logged(entry.seq, time, kind, is_void=is_void)
    try:
        return Logged(entry.seq, time, kind, parse_decision(record), is_void)
    except msgspec.ValidationError as error:
        raise AuditError(f"record {entry.seq} is no decision that can be read: {error}") from error


def _unreadable(error: OSError) -> AuditError:
    return AuditError(f"the log cannot be read: {error}")
