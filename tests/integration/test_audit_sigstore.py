"""Checkpoint and inclusion as code sees them that nobody here wrote: the sigstore package, openssl, sha256sum."""

import asyncio
import base64
import json
import subprocess
from itertools import pairwise

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sigstore._internal.merkle import (
    _chain_border_right,
    _chain_inner,
    _decomp_inclusion_proof,
    _hash_leaf,
)
from sigstore._internal.rekor.checkpoint import SignedCheckpoint
from sigstore._utils import KeyID
from sigstore.errors import VerificationError

from sidecar.adapters.audit_files.keys import load_vkey
from sidecar.adapters.audit_files.layout import Layout
from sidecar.adapters.audit_files.proving import prove
from sidecar.adapters.audit_files.reading import LogReader
from tests.fakes.audit import write_log

SIZE = 300


class Keyring:
    """What sigstore asks of the keys of a log."""

    def __init__(self, public):
        self._public = Ed25519PublicKey.from_public_bytes(public)

    def verify(self, *, key_id, signature, data):
        try:
            self._public.verify(signature, data)
        except InvalidSignature as error:
            raise VerificationError("bad signature") from error


@pytest.fixture
def state(tmp_path):
    asyncio.run(write_log(tmp_path, SIZE))
    return tmp_path


def checkpoint_of(state, text=None):
    key = load_vkey(Layout(state))
    signed = SignedCheckpoint.from_text(text or (state / "audit" / "checkpoint").read_text())
    signed.signed_note.verify(Keyring(key.public), KeyID(key.key_id))
    return signed.checkpoint


def root_of(proof, line, size):
    inner, border = _decomp_inclusion_proof(proof.index, size)
    hashes = list(proof.hashes)
    assert len(hashes) == inner + border
    return _chain_border_right(
        _chain_inner(_hash_leaf(line), hashes[:inner], proof.index), hashes[inner:]
    ).hex()


def test_sigstore_verifies_the_checkpoint_and_the_inclusion_of_every_record(state):
    checkpoint = checkpoint_of(state)
    assert (checkpoint.origin, checkpoint.log_size) == ("test.example/log", SIZE)
    for entry in LogReader(state).entries():
        proof = prove(state, entry.seq)
        assert checkpoint_of(state, proof.checkpoint.decode()).log_hash == checkpoint.log_hash
        assert root_of(proof, entry.line, SIZE) == checkpoint.log_hash


def test_sigstore_refuses_a_checkpoint_and_a_record_that_were_changed(state):
    text = (state / "audit" / "checkpoint").read_text()
    with pytest.raises(VerificationError):
        checkpoint_of(state, text.replace(f"\n{SIZE}\n", f"\n{SIZE + 1}\n"))
    line = LogReader(state).entry(7).line
    proof = prove(state, 7)
    assert root_of(proof, line.replace(b"test", b"TEST"), SIZE) != checkpoint_of(state).log_hash


def test_openssl_verifies_the_checkpoint(state, tmp_path):
    text, signature = (state / "audit" / "checkpoint").read_text().rsplit("\n\n", 1)
    files = {"note": (text + "\n").encode(), "signature": base64.b64decode(signature.split()[2])[4:]}
    public = Ed25519PublicKey.from_public_bytes(load_vkey(Layout(state)).public)
    files["key"] = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for name, raw in files.items():
        (tmp_path / name).write_bytes(raw)
    inputs = ["-inkey", "key", "-in", "note", "-sigfile", "signature"]
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-rawin", *inputs]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, text=True)
    assert done.stdout.strip() == "Signature Verified Successfully"


def test_sha256sum_follows_the_chain(state):
    lines = (state / "audit" / f"{0:020d}.jsonl").read_bytes().splitlines()[:20]
    for line, after in pairwise(lines):
        done = subprocess.run(["sha256sum"], input=line, capture_output=True, check=True)
        assert json.loads(after)["prev"] == done.stdout.split()[0].decode()
