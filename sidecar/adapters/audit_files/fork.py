"""Fork: how a damaged log goes on when its operator accepts that.

What verifies stays: the records up to the first that does not continue the chain, or is not the one in the
tree. Everything else is kept aside and never looked at again. The log goes on in a new segment, chained to
the last verified record, with a record that says so. A witness of the old log will not take the new checkpoints.
"""

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from sidecar.adapters.audit_files.layout import Layout, Segment
from sidecar.adapters.audit_files.leaves import LeavesOnDisk
from sidecar.adapters.audit_files.lines import whole_lines
from sidecar.adapters.audit_files.recovery import Recovered
from sidecar.adapters.audit_files.writer_process import put, sync_dir
from sidecar.core.chain import GENESIS, Head, follow
from sidecar.core.checkpoint import sign_checkpoint
from sidecar.core.errors import ChainBroken
from sidecar.core.merkle import leaf_hash
from sidecar.core.note import Signer
from sidecar.core.tiles import TileTree


@dataclass(frozen=True, slots=True)
class _Verified:
    """The part of a log that verifies; its last record is in `last`, and ends there at `end`."""

    head: Head
    tree: TileTree
    last: Segment | None
    end: int


def fork(layout: Layout, signer: Signer) -> tuple[Recovered, Path]:
    """Begin anew after the last verified record. Returns the folder, too, that keeps the rest.

    Safe to be interrupted: done again it ends the same. Raises ChainBroken when no record verifies.
    """
    verified = _verify(layout)
    size = verified.head.size
    aside = layout.new_fork(size)
    _keep_aside(layout, size, aside)
    _cut(layout, verified)
    _write_tree(layout, verified.tree)
    put(str(layout.checkpoint), sign_checkpoint(signer, size, verified.tree.root()))
    sync_dir(str(layout.audit))
    return Recovered(verified.head, verified.tree, layout.segment(size), 0, size), aside


def _verify(layout: Layout) -> _Verified:
    segments, tree, leaves = layout.segments(), TileTree(), LeavesOnDisk(layout)
    first = segments[0].first if segments else 0
    for seq in range(first):
        leaf = leaves.get(seq)
        if leaf is None:
            raise ChainBroken(seq, "is not in the tree, nor kept: this log cannot go on")
        tree.append(leaf)
    begin = _Verified(Head(first, "" if first else GENESIS), tree, None, 0)
    verified = _follow(segments, begin, leaves)
    if not verified.head.hash:
        raise ChainBroken(first, "does not verify, and none before it is kept: this log cannot go on")
    return verified


def _follow(segments: list[Segment], verified: _Verified, leaves: LeavesOnDisk) -> _Verified:
    with contextlib.suppress(ChainBroken):
        for segment in segments:
            if segment.first != verified.head.size:
                break
            for found in whole_lines(segment.path):
                head, leaf = follow(verified.head, found.line), leaf_hash(found.line)
                if leaves.get(verified.head.size) not in {leaf, None}:
                    return verified
                verified.tree.append(leaf)
                verified = _Verified(head, verified.tree, segment, found.end)
    return verified


def _keep_aside(layout: Layout, size: int, aside: Path) -> None:
    """By hard links: what is changed afterwards is replaced, never written into."""
    aside.mkdir(0o700)
    segments = layout.segments()
    for index, segment in enumerate(segments):
        if index + 1 == len(segments) or segments[index + 1].first > size:
            os.link(segment.path, aside / segment.path.name)
    if layout.tiles.is_dir():
        shutil.copytree(layout.tiles, aside / "tile", copy_function=os.link)
    if layout.checkpoints.is_dir():
        shutil.copytree(layout.checkpoints, aside / "checkpoints", copy_function=os.link)
    with contextlib.suppress(FileNotFoundError):
        os.link(layout.checkpoint, aside / "checkpoint")
    sync_dir(str(aside))


def _cut(layout: Layout, verified: _Verified) -> None:
    for segment in layout.segments():
        if segment.first >= verified.head.size:
            segment.path.unlink()
    if verified.last is not None:
        with verified.last.path.open("rb") as file:
            put(str(verified.last.path), file.read(verified.end))
    for path in layout.kept_checkpoints():
        if int(path.name) > verified.head.size:
            path.unlink()


def _write_tree(layout: Layout, tree: TileTree) -> None:
    right = {layout.audit / tile.path: tile.hashes for tile in (*tree.take_full(), *tree.partials())}
    for path, hashes in right.items():
        if not path.is_file() or path.read_bytes() != hashes:
            put(str(path), hashes)
            sync_dir(str(path.parent))
    for path in layout.tiles.rglob("*"):
        if path.is_file() and path not in right:
            path.unlink()
