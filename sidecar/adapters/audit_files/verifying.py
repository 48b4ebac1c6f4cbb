"""Verifying a whole log: chain, tree, tiles, checkpoints, cut bytes; and against a checkpoint kept elsewhere.

One walk over all records. Those that retention removed are taken from the tiles. The walk stops at the first record
that breaks chain or tree. Works beside a running daemon, which may be ahead of what is checked.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from sidecar.adapters.audit_files.keys import load_vkey
from sidecar.adapters.audit_files.layout import Layout, Segment
from sidecar.adapters.audit_files.leaves import LeavesOnDisk
from sidecar.adapters.audit_files.lines import find, rest, whole_lines
from sidecar.adapters.audit_files.stored_tree import Finding, StoredTree
from sidecar.core.chain import GENESIS, Head, follow
from sidecar.core.errors import ChainBroken
from sidecar.core.merkle import leaf_hash
from sidecar.core.note import VerifierKey

_SLICE: Final = 32
_EXPIRED: Final = b'"first_kept":'


@dataclass(frozen=True, slots=True)
class Report:
    """What verifying found; without findings the log is whole.

    Records before `first` are no longer kept: only the tree tells of them. Records from `signed` to `size` are not
    under a checkpoint yet: only the chain holds them.
    """

    first: int
    size: int
    signed: int
    findings: tuple[Finding, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.findings


def verify_log(
    state: Path,
    *,
    key: VerifierKey | None = None,
    against: bytes | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Verify the log of a state folder, or of a folder with a copy of its `audit`.

    `key`: the log's key as known from elsewhere; without it the one beside the log is believed. `against`: a
    checkpoint from a witness. `progress` gets bytes read so far and in all. Raises ConfigError if there is no log,
    or OSError.
    """
    layout = Layout(state)
    walk = Walk(layout, key or load_vkey(layout))
    if against is not None:
        walk.tree.expect(against, "the witness's checkpoint")
    done, total = 0, sum(segment.path.stat().st_size for segment in layout.segments())
    for read in walk.steps():
        done += read
        if progress:
            progress(done, total)
    return walk.report()


def _first_kept(line: bytes) -> int:
    """What a record of retention, or of a fork, says of the first record that is kept; 0 from any other record."""
    try:
        record = msgspec.json.decode(line, type=_Kept)
    except msgspec.DecodeError:
        return 0
    return record.first_kept if record.type in {"expired", "forked"} else 0


class _Kept(msgspec.Struct):
    type: str = ""
    first_kept: int = 0


class Walk:
    """One walk over one log. Drive `steps` to its end, then ask for the report."""

    def __init__(self, layout: Layout, key: VerifierKey) -> None:
        self._layout = layout
        self._leaves = LeavesOnDisk(layout)
        self._segments: list[Segment] = []
        self._head = Head()
        self._first = self._told_first = 0
        self.tree = StoredTree(layout, key)

    def report(self) -> Report:
        findings = sorted(self.tree.findings, key=lambda f: self._head.size if f.seq is None else f.seq)
        return Report(self._first, self._head.size, self.tree.signed, tuple(findings))

    def steps(self) -> Iterator[int]:
        """Yields the number of bytes read since the last time, at least every few dozen records."""
        # In this order: beside a running daemon there may be more records than checkpoints tell of, never fewer.
        self.tree.load()
        self._segments = self._layout.segments()
        where = "tile"
        try:
            for segment in self._segments:
                where = segment.path.name
                yield from self._walk_segment(segment)
        except ChainBroken as error:
            self.tree.findings.append(Finding(where, error.problem, error.seq))
            return
        self.tree.finish()
        self._check_expired()
        self._check_cuts()

    def _skip_removed(self, first: int) -> None:
        for seq in range(self._head.size, first):
            leaf = self._leaves.get(seq)
            if leaf is None:
                raise ChainBroken(seq, "is neither kept nor in the tree")
            self.tree.grow(leaf)
        self._first, self._head = first, Head(first, "" if first else GENESIS)

    def _walk_segment(self, segment: Segment) -> Iterator[int]:
        if not segment.path.exists():
            return  # retention has just removed it
        if segment == self._layout.segments()[0]:
            self._skip_removed(segment.first)
        if segment.first != self._head.size:
            raise ChainBroken(self._head.size, "is missing before this file begins")
        end = told = 0
        for found in whole_lines(segment.path):
            self._walk_line(found.line)
            end = found.end
            if self._head.size % _SLICE == 0:
                yield end - told
                told = end
        yield end - told
        torn = rest(segment.path, end) if segment.path.exists() else b""
        # Beside a running daemon, what was unfinished may be whole by now.
        if torn and next(whole_lines(segment.path, end), None) is None:
            raise ChainBroken(self._head.size, f"is damaged: {len(torn)} bytes that are no whole line")

    def _walk_line(self, line: bytes) -> None:
        head, leaf = follow(self._head, line), leaf_hash(line)
        if self._head.size < self.tree.signed and self._leaves.get(self._head.size) not in {leaf, None}:
            raise ChainBroken(self._head.size, "is not the one that the tree has")
        self._head = head
        self.tree.grow(leaf)
        if _EXPIRED in line:
            self._told_first = max(self._told_first, _first_kept(line))

    def _check_expired(self) -> None:
        if self._told_first < self._first:
            problem = f"is missing with all up to {self._first - 1}, and no record says that they expired"
            self.tree.findings.append(Finding("segments", problem, self._told_first))

    def _check_cuts(self) -> None:
        """Bytes that recovery cut off are those that their record tells of."""
        for path in self._layout.all_cut_files():
            seq = self._layout.cut_seq(path)
            if self._first <= seq < self._head.size and not self._is_told(path, seq):
                self.tree.findings.append(Finding(path.name, "tells of other bytes that were cut off", seq))

    def _is_told(self, path: Path, seq: int) -> bool:
        holding = [segment for segment in self._segments if segment.first <= seq]
        found = find(holding[-1].path, seq)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return found is not None and digest.encode() in found.line and path.name.encode() in found.line
