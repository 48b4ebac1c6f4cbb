"""Checkpoints (C2SP tlog-checkpoint): the signed statement of a log's size and Merkle root."""

from base64 import b64encode
from typing import Final

import msgspec

from sidecar.core.merkle import HASH_BYTES
from sidecar.core.note import NoteError, Signer, VerifierKey, decode_base64, verify_note

_MAX_SIZE_DIGITS: Final = 18


class Checkpoint(msgspec.Struct, frozen=True):
    """`origin` names the log, `size` is the number of records, `root` their RFC 6962 tree hash."""

    origin: str
    size: int
    root: bytes

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"


def sign_checkpoint(signer: Signer, size: int, root: bytes) -> bytes:
    """The signed note of a log whose origin is its key's name."""
    return signer.sign(str(Checkpoint(signer.vkey.name, size, root)))


def verify_checkpoint(raw: bytes, key: VerifierKey) -> Checkpoint:
    """The checkpoint in a note that `key` signed. Raises NoteError. Extension lines are ignored."""
    lines = verify_note(raw, key).split("\n")
    if len(lines) < 4 or not all(lines[:-1]):
        raise NoteError("a checkpoint has an origin, a size and a root hash, each on its line")
    if lines[0] != key.name:
        raise NoteError(f"this is a checkpoint of {lines[0]}, not of {key.name}")
    root = decode_base64(lines[2], "root hash")
    if len(root) != HASH_BYTES:
        raise NoteError(f"a root hash has {HASH_BYTES} bytes, not {len(root)}")
    return Checkpoint(lines[0], parse_number(lines[1], "tree size"), root)


def parse_number(text: str, what: str) -> int:
    """tlog-checkpoint, "Note text": ASCII decimal without leading zeros. Raises NoteError naming `what`."""
    if not (text.isascii() and text.isdecimal()) or len(text) > _MAX_SIZE_DIGITS or text != str(int(text)):
        raise NoteError(f"the {what} is not a decimal number: {text[:32]!r}")
    return int(text)
