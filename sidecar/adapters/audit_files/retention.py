"""Retention: which segments go: sealed ones only, oldest first. Tiles and checkpoints stay and prove what is left."""

import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from sidecar.adapters.audit_files.layout import Layout, Segment
from sidecar.adapters.audit_files.lines import last_lines, whole_lines
from sidecar.adapters.audit_files.settings import AuditSettings
from sidecar.core.chain import epoch, line_time

_PART_OF_AGE: Final = 16


@dataclass(frozen=True, slots=True)
class Survey:
    """`expired` files may go; `first_kept` is the first record after them. `sealed_bytes`: of those that stay.

    `is_live_old`: the live segment should be sealed, so that its records do not stay for much longer than `keep_age`.
    """

    expired: tuple[Path, ...]
    first_kept: int
    sealed_bytes: int
    is_live_old: bool


def survey(layout: Layout, settings: AuditSettings, published: int, now: float) -> Survey:
    """Look at all segments. `published` records are under a checkpoint. Raises OSError."""
    segments = layout.segments()
    sizes = [segment.path.stat().st_size for segment in segments]
    total, expired = sum(sizes), 0
    for segment, after in pairwise(segments):
        is_too_much = total > settings.keep_bytes
        if after.first > published or not (is_too_much or _newest(segment) < now - settings.keep_age):
            break
        total -= sizes[expired]
        expired += 1
    first = segments[expired].first if segments else 0
    gone = [segment.path for segment in segments[:expired]]
    if gone:
        gone += [path for path in layout.all_cut_files() if layout.cut_seq(path) < first]
    oldest = _oldest(segments[-1]) if segments else now
    return Survey(tuple(gone), first, sum(sizes[expired:-1]), oldest < now - settings.keep_age / _PART_OF_AGE)


def _newest(segment: Segment) -> float:
    lines = last_lines(segment.path, 1)
    return _time(lines[0]) if lines else 0.0


def _oldest(segment: Segment) -> float:
    first = next(whole_lines(segment.path), None)
    return _time(first.line) if first else math.inf


def _time(line: bytes) -> float:
    """What has no time is never too old."""
    time = epoch(line_time(line))
    return math.inf if time is None else time
