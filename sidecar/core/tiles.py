"""Tiles: the Merkle tree as it lies on disk (C2SP tlog-tiles), and the tree that grows by whole tiles.

A tile is up to 256 hashes of one level, side by side; level L+1 holds the roots of the full tiles of level L.
So a tree of any size, and every root that it ever had, comes back from its tiles.
"""

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from sidecar.core.merkle import HASH_BYTES, fold, node_hash, perfect_subtrees, root_of

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
FULL: Final = WIDTH * HASH_BYTES


class Tile(msgspec.Struct, frozen=True):
    """Tile `index` of `level`; `hashes` are 1 to 256 hashes of 32 bytes."""

    level: int
    index: int
    hashes: bytes

    @property
    def width(self) -> int:
        return len(self.hashes) // HASH_BYTES

    @property
    def end(self) -> int:
        """The number of leaves that a tree has at least when it has this tile."""
        return (self.index * WIDTH + self.width) << HEIGHT * self.level

    @property
    def path(self) -> str:
        return tile_path(self.level, self.index, self.width)


ReadTile = Callable[[int, int, int], bytes]  # (level, index, width) to that many hashes


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    """tlog-tiles, "Merkle Tree": tile/<L>/<N>[.p/<W>]; N in threes of digits, an x before all but the last."""
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03d}")
    partial = f".p/{width}" if width < WIDTH else ""
    return f"tile/{level}/{'/'.join(groups)}{partial}"


def partial_tiles(size: int) -> Iterator[tuple[int, int, int]]:
    """The tiles (level, index, width) of a tree of `size` that are not full, lowest level first.

    tlog-tiles, "Partial Tiles": the one of level l has floor(size / 256**l) mod 256 hashes.
    """
    level = 0
    while size:
        if width := size % WIDTH:
            yield level, size // WIDTH, width
        size //= WIDTH
        level += 1


def split(hashes: bytes) -> list[bytes]:
    """The hashes of a tile, one by one."""
    return [hashes[i : i + HASH_BYTES] for i in range(0, len(hashes), HASH_BYTES)]


def node_from_tiles(size: int, read: ReadTile) -> Callable[[int, int], bytes]:
    """How to get the hash of a perfect subtree (height, index) of a tree of `size` out of its tiles."""

    def node(height: int, index: int) -> bytes:
        level, inside = divmod(height, HEIGHT)
        first = index << inside
        tile = first // WIDTH
        width = min(WIDTH, (size >> level * HEIGHT) - tile * WIDTH)
        start = first % WIDTH
        hashes = read(level, tile, width)[start * HASH_BYTES : (start + (1 << inside)) * HASH_BYTES]
        return root_of(split(hashes))

    return node


class TileTree:
    """A tree that grows leaf by leaf: its right edge, and the tiles that are full but not yet taken.

    Holds the perfect subtrees from left to right and one unfinished tile a level: less than 64 KiB.
    """

    def __init__(self) -> None:
        self.size = 0
        self._edge: list[bytes] = []
        self._unfinished: list[bytearray] = []
        self._full: list[Tile] = []

    @classmethod
    def restore(cls, size: int, read: ReadTile) -> "TileTree":
        """The tree of `size` out of its partial tiles; whether they are the right ones its root tells."""
        tree = cls()
        tree.size = size
        for level, index, width in partial_tiles(size):
            tree._unfinished.extend(bytearray() for _ in range(level + 1 - len(tree._unfinished)))
            tree._unfinished[level] += read(level, index, width)
        node = node_from_tiles(size, read)
        tree._edge = [node(height, index) for height, index in perfect_subtrees(0, size)]
        return tree

    def append(self, leaf: bytes) -> None:
        """Grow by one leaf hash."""
        node, height, left = leaf, 0, self.size
        self._extend(0, leaf)
        while left & 1:
            node = node_hash(self._edge.pop(), node)
            height += 1
            left >>= 1
            if height % HEIGHT == 0:
                self._extend(height // HEIGHT, node)
        self._edge.append(node)
        self.size += 1

    def root(self) -> bytes:
        """MTH of all leaves so far (RFC 6962, 2.1)."""
        return fold(self._edge)

    def take_full(self) -> list[Tile]:
        """The tiles that filled up since this was last asked."""
        full, self._full = self._full, []
        return full

    def partials(self) -> list[Tile]:
        """The tiles on the right edge that are not full."""
        return [
            Tile(level, (self.size >> (level + 1) * HEIGHT), bytes(hashes))
            for level, hashes in enumerate(self._unfinished)
            if hashes
        ]

    def _extend(self, level: int, node: bytes) -> None:
        if level == len(self._unfinished):
            self._unfinished.append(bytearray())
        tile = self._unfinished[level]
        tile += node
        if len(tile) == FULL:
            # The tree's size still lacks the leaf that fills this tile.
            self._full.append(Tile(level, self.size >> (level + 1) * HEIGHT, bytes(tile)))
            tile.clear()
