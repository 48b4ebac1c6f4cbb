"""Checkpoints and proofs: their text, and what is refused."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sidecar.core.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from sidecar.core.merkle import inclusion_proof, leaf_hash, root_of
from sidecar.core.note import NoteError, Signer
from sidecar.core.proof import Proof, parse_proof, verify_proof

SIGNER = Signer("example.com/log", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
KEY = SIGNER.vkey
LINES = [b'{"seq":%d}' % n for n in range(7)]
LEAVES = [leaf_hash(line) for line in LINES]
CHECKPOINT = sign_checkpoint(SIGNER, 7, root_of(LEAVES))
PROOF = Proof(
    5,
    inclusion_proof(5, 7, lambda height, index: root_of(LEAVES[index << height : (index + 1) << height])),
    CHECKPOINT,
)


def test_a_checkpoint_is_origin_size_and_root():
    assert CHECKPOINT.decode().split("\n")[:2] == ["example.com/log", "7"]
    assert verify_checkpoint(CHECKPOINT, KEY) == Checkpoint("example.com/log", 7, root_of(LEAVES))


def test_extension_lines_are_ignored():
    extended = SIGNER.sign(f"{Checkpoint('example.com/log', 7, bytes(32))}extension\n")
    assert verify_checkpoint(extended, KEY).size == 7


@pytest.mark.parametrize(
    "text",
    [
        "example.com/log\n7\n",
        "example.com/other\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "example.com/log\n07\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "example.com/log\n-7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "example.com/log\n\u0667\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        f"example.com/log\n{10**20}\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "example.com/log\n7\nAAAA\n",
        "example.com/log\n7\n!\n",
        "example.com/log\n\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
    ],
)
def test_what_is_signed_but_no_checkpoint_of_this_log_is_refused(text):
    with pytest.raises(NoteError):
        verify_checkpoint(SIGNER.sign(text), KEY)


def test_a_proof_has_the_form_of_tlog_proof():
    lines = str(PROOF).split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 5"]
    assert str(PROOF).endswith("\n\n" + CHECKPOINT.decode())
    assert parse_proof(str(PROOF)) == PROOF


def test_a_proof_proves_its_line_and_no_other():
    assert verify_proof(PROOF, LINES[5], KEY).size == 7
    with pytest.raises(NoteError, match="not record 5"):
        verify_proof(PROOF, LINES[4], KEY)


def test_a_proof_of_a_single_record_has_no_hashes():
    proof = Proof(0, (), sign_checkpoint(SIGNER, 1, LEAVES[0]))
    assert verify_proof(parse_proof(str(proof)), LINES[0], KEY).size == 1


def test_extra_data_is_skipped():
    assert parse_proof(str(PROOF).replace("\nindex", "\nextra YWdl\nindex")) == PROOF


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("c2sp.org/tlog-proof@v1", "c2sp.org/tlog-proof@v2"),
        ("index 5", "index 05"),
        ("index 5", "index -5"),
        ("index 5\n", ""),
        ("\n\n", "\n"),
        ("index 5\n", "index 5\nAAAA\n"),
        ("index 5\n", "index 5\n" + "A" * 43 + "=\n" * 64),
    ],
)
def test_what_is_no_proof_is_refused(old, new):
    with pytest.raises(NoteError):
        parse_proof(str(PROOF).replace(old, new, 1))


@pytest.mark.parametrize(
    "changed",
    [
        Proof(6, PROOF.hashes, CHECKPOINT),
        Proof(99, PROOF.hashes, CHECKPOINT),
        Proof(5, PROOF.hashes[:-1], CHECKPOINT),
        Proof(5, PROOF.hashes[::-1], CHECKPOINT),
        Proof(5, PROOF.hashes, sign_checkpoint(SIGNER, 7, bytes(32))),
        Proof(5, PROOF.hashes, sign_checkpoint(SIGNER, 6, root_of(LEAVES[:6]))),
    ],
)
def test_a_proof_that_was_tampered_with_proves_nothing(changed):
    with pytest.raises(NoteError):
        verify_proof(changed, LINES[5], KEY)
