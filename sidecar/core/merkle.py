"""The Merkle tree over the decision log's lines (RFC 6962, section 2.1), as hashes and paths.

The leaf of a record is the hash of its line without the newline.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Final

Node = Callable[[int, int], bytes]  # (height, index) of a perfect subtree to its hash

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
HASH_BYTES: Final = 32


def leaf_hash(entry: bytes) -> bytes:
    """RFC 6962, 2.1: SHA-256(0x00 || entry)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962, 2.1: SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root over nodes of equal height, of which only the last may stand for an incomplete subtree.

    Pairing level by level and carrying an odd last node up gives the tree of RFC 6962, which splits at the
    largest power of two.
    """
    if not hashes:
        return EMPTY_ROOT
    level = list(hashes)
    while len(level) > 1:
        paired = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = paired + level[len(paired) * 2 :]
    return level[0]


def fold(perfect: Sequence[bytes]) -> bytes:
    """The root over perfect subtrees of falling height, as they stand from left to right."""
    if not perfect:
        return EMPTY_ROOT
    root = perfect[-1]
    for left in reversed(perfect[:-1]):
        root = node_hash(left, root)
    return root


def perfect_subtrees(start: int, end: int) -> Iterator[tuple[int, int]]:
    """The perfect subtrees (height, index) that leaves `start` to `end` (exclusive) fall into, left to right.

    `start` must be a multiple of the largest power of two in `end - start`.
    """
    while start < end:
        height = (end - start).bit_length() - 1
        yield height, start >> height
        start += 1 << height


def range_hash(start: int, end: int, node: Node) -> bytes:
    """MTH(D[start:end]) of RFC 6962, 2.1, for a range that is a subtree of some tree."""
    return fold([node(height, index) for height, index in perfect_subtrees(start, end)])


def inclusion_path(index: int, size: int) -> list[tuple[int, int]]:
    """The ranges of leaves whose hashes prove leaf `index` of `size` (RFC 6962, 2.1.1), from the leaf up."""
    start, end, path = 0, size, list[tuple[int, int]]()
    while end - start > 1:
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        if index < middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    return path[::-1]


def inclusion_proof(index: int, size: int, node: Node) -> tuple[bytes, ...]:
    """PATH(index, D[size]) of RFC 6962, 2.1.1."""
    return tuple(range_hash(start, end, node) for start, end in inclusion_path(index, size))


def root_from_proof(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes | None:
    """The root that a proof leads to (RFC 9162, 2.1.3.2); None when it has the wrong length for its tree."""
    if not 0 <= index < size:
        return None
    path = inclusion_path(index, size)
    if len(path) != len(proof):
        return None
    root = leaf
    for (_, end), sibling in zip(path, proof, strict=True):
        root = node_hash(sibling, root) if end <= index else node_hash(root, sibling)
    return root
