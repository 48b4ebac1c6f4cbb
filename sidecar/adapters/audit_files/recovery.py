"""Recovery: from what lies on the disk to where the log goes on.

1. The newest checkpoint verifies, and the tiles give its root.
2. Its last record is there, and is the tree's last leaf.
3. The records after it continue the chain.
4. An incomplete last line is cut off, and kept beside. All else that is wrong is ChainBroken.
5. What was read is written again and synced: after a failed sync the kernel shows what is not on the disk.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sidecar.adapters.audit_files.layout import Layout, Segment, tile_reader
from sidecar.adapters.audit_files.lines import find, last_lines, rest, whole_lines
from sidecar.adapters.audit_files.settings import Fsync
from sidecar.adapters.audit_files.writer_process import put, sync_dir, write_all
from sidecar.core.chain import MAX_RECORD, Head, follow, line_hash, line_seq, line_time
from sidecar.core.checkpoint import Checkpoint, verify_checkpoint
from sidecar.core.errors import ChainBroken
from sidecar.core.merkle import leaf_hash
from sidecar.core.note import NoteError, VerifierKey
from sidecar.core.tiles import TileTree, node_from_tiles

MAX_BATCH: Final = 256 * 1024  # what is written at once, hence what a lost write can leave with holes in it


@dataclass(frozen=True, slots=True)
class Recovered:
    """Where the log goes on: the end of the chain, the tree up to there, the segment to append to at `end`.

    `checkpoint` is the size that the newest checkpoint speaks of; `cuts` are files of bytes that were cut off
    and that no record tells of yet.
    """

    head: Head
    tree: TileTree
    live: Segment | None
    end: int
    checkpoint: int
    cuts: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class _Piece:
    """What was read of a segment: its whole lines from `start` to `end`."""

    segment: Segment
    start: int
    end: int


def recover(layout: Layout, key: VerifierKey, fsync: Fsync) -> Recovered:
    """Check what follows the newest checkpoint and make it durable. Raises ChainBroken, or OSError."""
    for unfinished in layout.audit.glob("*.tmp"):
        unfinished.unlink()
    checkpoint = load_checkpoint(layout, key)
    tree = _restore(layout, checkpoint)
    head, segments, start = _anchor(layout, tree)
    head, pieces = _read(segments, start, head, tree)
    if pieces:
        _cut_torn(layout, pieces[-1], head.size, fsync)
    for piece in pieces:
        _settle(piece)
    return Recovered(
        head,
        tree,
        pieces[-1].segment if pieces else None,
        pieces[-1].end if pieces else 0,
        checkpoint.size,
        tuple(layout.cut_files(head.size)),
    )


def load_checkpoint(layout: Layout, key: VerifierKey) -> Checkpoint:
    """The newest checkpoint. Raises ChainBroken if it is missing or not ours."""
    try:
        return verify_checkpoint(layout.checkpoint.read_bytes(), key)
    except (NoteError, FileNotFoundError) as error:
        raise ChainBroken(0, f"and those after it are not proved: {layout.checkpoint}: {error}") from error


def _restore(layout: Layout, checkpoint: Checkpoint) -> TileTree:
    try:
        tree = TileTree.restore(checkpoint.size, tile_reader(layout))
    except FileNotFoundError as error:
        raise ChainBroken(checkpoint.size - 1, f"is not in the tree: {error}") from error
    if tree.root() != checkpoint.root:
        raise ChainBroken(
            checkpoint.size - 1, "is not in the tree: the tiles do not give the checkpoint's root"
        )
    return tree


def _anchor(layout: Layout, tree: TileTree) -> tuple[Head, list[Segment], int]:
    """The chain's end at the checkpoint, the segments to read from there, and the offset in the first."""
    segments = layout.segments()
    if not tree.size:
        return Head(), segments, 0
    last = tree.size - 1
    holding = [segment for segment in segments if segment.first <= last]
    found = find(holding[-1].path, last) if holding else None
    if found is None:
        raise ChainBroken(_end_of(holding), f"is missing: the checkpoint speaks of {tree.size} records")
    if leaf_hash(found.line) != node_from_tiles(tree.size, tile_reader(layout))(0, last):
        raise ChainBroken(last, "is not the record that the checkpoint speaks of")
    head = Head(tree.size, line_hash(found.line), line_time(found.line))
    return head, segments[len(holding) - 1 :], found.end


def _end_of(segments: list[Segment]) -> int:
    if not segments:
        return 0
    lines = last_lines(segments[-1].path, 1)
    number = line_seq(lines[0]) if lines else None
    return segments[-1].first if number is None else number + 1


def _read(segments: list[Segment], start: int, head: Head, tree: TileTree) -> tuple[Head, list[_Piece]]:
    pieces: list[_Piece] = []
    for segment in segments:
        if not start and segment.first != head.size:
            raise ChainBroken(head.size, f"is missing: {segment.path.name} begins after it")
        if pieces and rest(pieces[-1].segment.path, pieces[-1].end):
            raise ChainBroken(head.size, f"is damaged in {pieces[-1].segment.path.name}")
        end = start
        for found in whole_lines(segment.path, start):
            head = follow(head, found.line)
            tree.append(leaf_hash(found.line))
            end = found.end
        pieces.append(_Piece(segment, start, end))
        start = 0
    return head, pieces


def _cut_torn(layout: Layout, last: _Piece, size: int, fsync: Fsync) -> None:
    torn = rest(last.segment.path, last.end)
    if not torn:
        return
    if not _is_torn_write(torn, fsync):
        raise ChainBroken(
            size, f"is damaged: {len(torn)} bytes after the last whole record are no torn write"
        )
    put(str(layout.new_cut_file(size)), torn)
    sync_dir(str(layout.audit))


def _is_torn_write(torn: bytes, fsync: Fsync) -> bool:
    """One line without its end; or a write of several lines of which some blocks, still zeros, were lost.

    No answered record is among them: answers wait for the sync, unless `fsync` lets them go before.
    """
    if b"\0" in torn:
        return len(torn) <= MAX_BATCH or fsync is not Fsync.ALWAYS
    return b"\n" not in torn and len(torn) <= MAX_RECORD


def _settle(piece: _Piece) -> None:
    descriptor = os.open(piece.segment.path, os.O_RDWR)
    try:
        for at in range(piece.start, piece.end, MAX_BATCH):
            block = os.pread(descriptor, min(MAX_BATCH, piece.end - at), at)
            write_all(descriptor, block, at)
        os.ftruncate(descriptor, piece.end)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def cut_summary(path: Path) -> dict[str, str | int]:
    """What a `recovered` record says of bytes that were cut off."""
    torn = path.read_bytes()
    return {"file": path.name, "bytes": len(torn), "sha256": hashlib.sha256(torn).hexdigest()}
