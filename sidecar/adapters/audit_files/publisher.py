"""The publisher: grows the tree from durable lines, signs checkpoints, has tiles and checkpoints written.

A checkpoint is on the disk only after all records and tiles that it speaks of. Full tiles stay in memory until
they are written. If that fails, checkpoints wait and records do not.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from sidecar.adapters.audit_files import operations as op
from sidecar.adapters.audit_files.layout import Layout
from sidecar.adapters.audit_files.writer import reason
from sidecar.core.checkpoint import sign_checkpoint
from sidecar.core.merkle import leaf_hash
from sidecar.core.note import Signer
from sidecar.core.tiles import Tile, TileTree

Files = dict[Path, bytes]

_MOST_TILES: Final = 64  # in one request


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the writer was asked to write: full tiles, partial ones, and checkpoints unless tiles are left over."""

    tiles: Files
    partials: Files
    kept: Files
    size: int = 0
    note: bytes = b""


class Publisher:
    """`published` is the size of the newest checkpoint on the disk, `note` its text, `news` set when there is one.

    `problem` says why the last attempt failed.
    """

    def __init__(self, layout: Layout, signer: Signer, tree: TileTree, published: int) -> None:
        self._layout = layout
        self._signer = signer
        self._tree = tree
        self._lines: list[bytes] = []
        self._tiles: Files = {}
        self._kept: Files = {}
        self._stale = set(self._files(tree.partials()))
        self._asked: _Asked | None = None
        self.published = published
        self.note = b""
        self.news = asyncio.Event()
        self.problem = ""

    @property
    def size(self) -> int:
        """How many durable records there are."""
        return self._tree.size + len(self._lines)

    def is_due(self, records: int) -> bool:
        """Whether so many records are under no checkpoint yet, and there is hope to change that."""
        return self.size - self.published >= records and not self._asked and not self.problem

    def take(self, lines: Iterable[bytes]) -> None:
        """Durable lines, in order; they become leaves when there is time."""
        self._lines.extend(lines)

    def grow(self) -> None:
        """Make leaves of the lines taken so far."""
        lines, self._lines = self._lines, []
        for line in lines:
            self._tree.append(leaf_hash(line))

    def keep(self) -> None:
        """Sign the tree as it is now, for the segment that ends here: that checkpoint stays."""
        self.grow()
        if self._tree.size:
            self._kept[self._layout.kept_checkpoint(self._tree.size)] = self._sign()

    def request(self, first: Iterable[bytes] = ()) -> bytes | None:
        """What to ask of the writer next, after the operations `first`; None if nothing, or if one is out."""
        if self._asked or (self.size == self.published and not self._kept):
            return None
        self.grow()
        self._tiles |= self._files(self._tree.take_full())
        asked = self._asked = self._ask()
        operations = [*first, *_puts(asked.tiles | asked.partials)]
        if asked.note:
            operations += [*_puts(asked.kept), *_puts({self._layout.checkpoint: asked.note})]
            operations += [op.delete(path) for path in self._stale - asked.partials.keys()]
        return op.request(operations)

    def answered(self, failed: int) -> None:
        """The request was done; or failed, with this errno."""
        asked, self._asked = self._asked, None
        self.problem = reason(failed) if failed else ""
        if asked is None or failed:
            self._stale |= asked.partials.keys() if asked else set()
            return
        self._tiles = {path: tile for path, tile in self._tiles.items() if path not in asked.tiles}
        if asked.note:
            self._kept = {path: note for path, note in self._kept.items() if path not in asked.kept}
            self._stale = set(asked.partials)
            self.published, self.note = asked.size, asked.note
            self.news.set()

    def _ask(self) -> _Asked:
        if len(self._tiles) > _MOST_TILES:
            return _Asked(dict(islice(self._tiles.items(), _MOST_TILES)), {}, {})
        partials = self._files(self._tree.partials())
        return _Asked(dict(self._tiles), partials, dict(self._kept), self._tree.size, self._sign())

    def _sign(self) -> bytes:
        return sign_checkpoint(self._signer, self._tree.size, self._tree.root())

    def _files(self, tiles: Iterable[Tile]) -> Files:
        return {self._layout.audit / tile.path: tile.hashes for tile in tiles}


def _puts(files: Files) -> list[bytes]:
    """Write files, then sync their folders."""
    puts = [op.put(path, data) for path, data in files.items()]
    return puts + [op.sync_dir(folder) for folder in {path.parent for path in files}]
