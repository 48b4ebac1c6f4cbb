"""Proofs (C2SP tlog-proof): that a record is in the log, to be checked without the log."""

from base64 import b64encode
from typing import Final

import msgspec

from sidecar.core.checkpoint import Checkpoint, parse_number, verify_checkpoint
from sidecar.core.merkle import HASH_BYTES, leaf_hash, root_from_proof
from sidecar.core.note import MAX_NOTE, NoteError, VerifierKey, decode_base64

_MAGIC: Final = "c2sp.org/tlog-proof@v1"
_MAX_HASHES: Final = 63


class Proof(msgspec.Struct, frozen=True):
    """The path from record `index` to the root of `checkpoint` (a signed note), leaf's sibling first."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes

    def __str__(self) -> str:
        hashes = "".join(f"{b64encode(h).decode()}\n" for h in self.hashes)
        return f"{_MAGIC}\nindex {self.index}\n{hashes}\n{self.checkpoint.decode()}"


def parse_proof(text: str) -> Proof:
    """A proof from its text. Raises NoteError; nothing in it is verified yet."""
    if len(text) > MAX_NOTE:
        raise NoteError(f"a proof has at most {MAX_NOTE} characters")
    head, blank, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if lines[0] != _MAGIC or not blank:
        raise NoteError(f"a proof begins with {_MAGIC} and has an empty line before its checkpoint")
    # tlog-proof, "Format": the second line may be `extra`; it is not authenticated and not used here.
    rest = lines[2:] if lines[1:] and lines[1].startswith("extra ") else lines[1:]
    if not rest or not rest[0].startswith("index ") or len(rest) > _MAX_HASHES + 1:
        raise NoteError(f"a proof has an index line and at most {_MAX_HASHES} hashes")
    index = parse_number(rest[0].removeprefix("index "), "index")
    return Proof(index, tuple(_hash(line) for line in rest[1:]), checkpoint.encode())


def _hash(line: str) -> bytes:
    raw = decode_base64(line, "proof's hash")
    if len(raw) != HASH_BYTES:
        raise NoteError(f"a hash has {HASH_BYTES} bytes, not {len(raw)}")
    return raw


def verify_proof(proof: Proof, line: bytes, key: VerifierKey) -> Checkpoint:
    """The checkpoint of the log whose record `proof.index` is `line` (no newline). Raises NoteError."""
    checkpoint = verify_checkpoint(proof.checkpoint, key)
    root = root_from_proof(proof.index, checkpoint.size, leaf_hash(line), proof.hashes)
    if root is None:
        raise NoteError(f"{len(proof.hashes)} hashes do not prove record {proof.index} of {checkpoint.size}")
    if root != checkpoint.root:
        raise NoteError(f"this is not record {proof.index} of the log that the checkpoint speaks of")
    return checkpoint
