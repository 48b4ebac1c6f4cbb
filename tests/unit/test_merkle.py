"""The Merkle tree against the test vectors of the first implementations of RFC 6962."""

import pytest

from sidecar.core.merkle import (
    EMPTY_ROOT,
    fold,
    inclusion_path,
    inclusion_proof,
    leaf_hash,
    range_hash,
    root_from_proof,
    root_of,
)

ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PATH_OF_5_IN_8 = [
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]


def node(height: int, index: int) -> bytes:
    return root_of(LEAVES[index << height : (index + 1) << height])


def test_the_root_of_nothing_is_the_hash_of_nothing():
    assert root_of([]) == fold([]) == EMPTY_ROOT
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_rfc_6962(size):
    assert root_of(LEAVES[:size]).hex() == ROOTS[size - 1]
    assert range_hash(0, size, node).hex() == ROOTS[size - 1]


def test_a_proof_is_that_of_rfc_6962():
    assert [h.hex() for h in inclusion_proof(5, 8, node)] == PATH_OF_5_IN_8


@pytest.mark.parametrize("size", range(1, 9))
def test_every_leaf_is_proved_in_every_tree_and_no_other_leaf_is(size):
    for index in range(size):
        proof = inclusion_proof(index, size, node)
        assert root_from_proof(index, size, LEAVES[index], proof).hex() == ROOTS[size - 1]
        for other in set(range(len(LEAVES))) - {index}:
            assert root_from_proof(index, size, LEAVES[other], proof).hex() != ROOTS[size - 1]


@pytest.mark.parametrize(("index", "size"), [(-1, 8), (8, 8), (0, 0)])
def test_there_is_no_proof_of_a_leaf_outside_of_the_tree(index, size):
    assert root_from_proof(index, size, LEAVES[0], []) is None


def test_a_proof_of_the_wrong_length_proves_nothing():
    proof = inclusion_proof(5, 8, node)
    assert root_from_proof(5, 8, LEAVES[5], proof[:-1]) is None
    assert root_from_proof(5, 8, LEAVES[5], (*proof, LEAVES[0])) is None


def test_a_path_goes_from_the_leafs_sibling_to_the_roots_child():
    assert inclusion_path(2, 7) == [(3, 4), (0, 2), (4, 7)]
    assert inclusion_path(6, 7) == [(4, 6), (0, 4)]
    assert inclusion_path(0, 1) == []
