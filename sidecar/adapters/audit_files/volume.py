"""The volume: which segment is written to, where in it, and when the next one is begun.

A segment of written zeros is prepared ahead of time, because a sync of records that overwrite zeros is cheapest.
The log moves to it when the live segment is full, and at once if the live one was not prepared itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sidecar.adapters.audit_files import operations as op
from sidecar.adapters.audit_files.layout import Layout, Segment
from sidecar.adapters.audit_files.settings import AuditSettings, Fsync

_HEAD_START: Final = 1024 * 1024  # what must be free before the log goes on after a failure


@dataclass(frozen=True, slots=True)
class _Place:
    """A segment, the size of its lines, and whether zeros lie beyond them."""

    segment: Segment
    end: int
    is_zeroed: bool


class Volume:
    """Tells what to ask of the writer; is told when it was done."""

    def __init__(self, layout: Layout, settings: AuditSettings, live: Segment, end: int) -> None:
        self._layout = layout
        self._limit = settings.segment_bytes
        self._sync = settings.fsync is Fsync.ALWAYS
        self._live = self._next = self._retired = _Place(live, end, is_zeroed=False)
        self._is_prepared = layout.prepared.exists() and layout.prepared.stat().st_size == self._limit
        self._is_old = False

    @property
    def path(self) -> Path:
        return self._live.segment.path

    @property
    def end(self) -> int:
        """The size of the live segment's durable lines."""
        return self._live.end

    @property
    def wants_prepared(self) -> bool:
        return not self._is_prepared

    def open(self) -> bytes:
        """The request that opens the live segment."""
        return op.request([op.open_segment(self.path), op.sync_dir(self._layout.audit)])

    def prepare(self) -> bytes:
        """The request that prepares the next segment; `prepared` when it is done."""
        unfinished = self._layout.prepared.with_suffix(".tmp")
        return op.request(
            [
                op.zero(unfinished, self._limit),
                op.move(unfinished, self._layout.prepared),
                op.sync_dir(self._layout.audit),
            ]
        )

    def prepared(self) -> None:
        self._is_prepared = True

    def grow_old(self) -> None:
        """Begin a new segment with the next write, so that this one can go when its records are too old."""
        self._is_old = self._live.end > 0

    def must_roll(self, length: int) -> bool:
        """Whether `length` more bytes begin a new segment."""
        if self._live.end and (self._is_old or self._live.end + length > self._limit):
            return True
        return self._is_prepared and not self._live.is_zeroed

    def write(self, seq: int, lines: Sequence[bytes], length: int) -> bytes:
        """The request that writes `length` bytes of lines, the first of which is record `seq`."""
        operations, place = [], self._live
        if self.must_roll(length):
            place = _Place(self._layout.segment(seq), 0, self._is_prepared)
            operations = self._begin(place.segment.path)
        self._next = _Place(place.segment, place.end + length, place.is_zeroed)
        operations.append(op.write(lines, place.end, sync=self._sync))
        return op.request(operations)

    def written(self) -> bytes | None:
        """The write is done. Returns the request that seals the segment before, if a new one was begun."""
        before, self._live = self._live, self._next
        if before.segment == self._live.segment:
            return None
        self._is_old = False
        return op.request([op.cut(before.segment.path, before.end)])

    def retire(self, seq: int) -> bytes:
        """The request that closes the live segment for good, after a failure, and makes the one for record `seq`."""
        new, live = self._layout.segment(seq).path, self._live
        operations = [op.cut(self.path, live.end)] if live.end else [op.delete(self.path)]
        operations.append(op.delete(new))
        self._retired = _Place(self._layout.segment(seq), 0, self._is_prepared)
        if self._is_prepared:
            operations.append(op.move(self._layout.prepared, new))
            self._is_prepared = False
        else:
            operations.append(op.zero(new, min(_HEAD_START, self._limit)))
        return op.request([*operations, op.sync_dir(self._layout.audit)])

    def retired(self) -> None:
        """The new segment is there, to be opened."""
        self._live = self._next = self._retired
        self._is_old = False

    def seal(self) -> bytes:
        """The request that leaves nothing but durable lines, at the end."""
        begun = [op.delete(self._next.segment.path)] if self._next.segment != self._live.segment else []
        return op.request([op.cut(self.path, self.end), *begun])

    def _begin(self, path: Path) -> list[bytes]:
        created = [op.open_segment(path), op.sync_dir(self._layout.audit)]
        if not self._is_prepared:
            return created
        # Used up, even if what follows fails: the zeros may be in the new place by then.
        self._is_prepared = False
        return [op.move(self._layout.prepared, path), *created]
