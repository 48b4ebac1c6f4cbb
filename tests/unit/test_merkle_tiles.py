"""Tiles: the tree as it lies on disk."""

import pytest

from sidecar.core.merkle import inclusion_proof, leaf_hash, root_from_proof, root_of
from sidecar.core.tiles import Tile, TileTree, node_from_tiles, partial_tiles, split, tile_path

SIZES = [1, 2, 255, 256, 257, 511, 512, 1000, 65535, 65536, 65537, 70000]
LEAVES = [leaf_hash(b"%d" % n) for n in range(70000)]


class Disk:
    """Tiles of a tree as it was at each of SIZES."""

    def __init__(self) -> None:
        self.tiles: dict[str, bytes] = {}
        self.roots: dict[int, bytes] = {}
        tree = TileTree()
        for leaf in LEAVES:
            tree.append(leaf)
            if tree.size in SIZES:
                self.roots[tree.size] = tree.root()
                self.tiles |= {tile.path: tile.hashes for tile in (*tree.take_full(), *tree.partials())}

    def read(self, level: int, index: int, width: int) -> bytes:
        return self.tiles[tile_path(level, index, width)]


@pytest.fixture(scope="module")
def disk():
    return Disk()


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ((0, 0), "tile/0/000"),
        ((0, 1234067), "tile/0/x001/x234/067"),
        ((1, 999, 8), "tile/1/999.p/8"),
        ((2, 1000, 255), "tile/2/x001/000.p/255"),
    ],
)
def test_paths_are_those_of_tlog_tiles(arguments, path):
    assert tile_path(*arguments) == path


def test_a_tree_of_70000_has_the_partial_tiles_that_tlog_tiles_says():
    assert list(partial_tiles(70000)) == [(0, 273, 112), (1, 1, 17), (2, 0, 1)]
    assert list(partial_tiles(256)) == [(1, 0, 1)]
    assert list(partial_tiles(0)) == []


def test_a_tile_knows_its_width_and_where_it_ends():
    assert Tile(0, 273, bytes(112 * 32)).path == "tile/0/273.p/112"
    assert Tile(0, 273, bytes(112 * 32)).end == 70000
    assert Tile(1, 0, bytes(256 * 32)).end == 65536


@pytest.mark.parametrize("size", SIZES)
def test_a_growing_tree_has_the_root_of_its_leaves(disk, size):
    assert disk.roots[size] == root_of(LEAVES[:size])


@pytest.mark.parametrize("size", SIZES)
def test_a_tree_comes_back_from_its_tiles_and_grows_on(disk, size):
    tree = TileTree.restore(size, disk.read)
    assert tree.root() == disk.roots[size]
    grown = [n for n in SIZES if size < n <= size + 600]
    for end in grown:
        for leaf in LEAVES[tree.size : end]:
            tree.append(leaf)
        assert tree.root() == disk.roots[end]
        assert all(disk.tiles[tile.path] == tile.hashes for tile in (*tree.take_full(), *tree.partials()))


@pytest.mark.parametrize("size", SIZES)
def test_leaves_are_proved_out_of_tiles_alone(disk, size):
    node = node_from_tiles(size, disk.read)
    for index in {0, size // 3, size // 2, size - 1}:
        proof = inclusion_proof(index, size, node)
        assert root_from_proof(index, size, LEAVES[index], proof) == disk.roots[size]


def test_a_tile_splits_into_its_hashes():
    assert split(LEAVES[0] + LEAVES[1]) == LEAVES[:2]
