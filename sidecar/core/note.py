"""Signed notes (C2SP signed-note) with Ed25519 keys: text, an empty line, signature lines.

A note is used only after `verify_note`, which returns the text that was signed.
"""

import hashlib
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sidecar.core.errors import SidecarError

MAX_NOTE: Final = 128 * 1024
_ED25519: Final = b"\x01"
_SIGNATURE_BYTES: Final = 64
_MAX_SIGNATURES: Final = 64


class NoteError(SidecarError):
    """A note, checkpoint, proof or verifier key does not parse, or its signature does not verify."""


class VerifierKey(msgspec.Struct, frozen=True):
    """A public key by the name that it signs under; as text, `<name>+<hex key id>+<base64(0x01 || key)>`."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """signed-note, "Ed25519 signatures": SHA-256(name || 0x0A || 0x01 || public key)[:4]."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{b64encode(_ED25519 + self.public).decode()}"


def is_key_name(name: str) -> bool:
    """signed-note, "Format": non-empty, without Unicode spaces or plus; printable, as a note must be."""
    return bool(name) and name.isprintable() and "+" not in name and not any(c.isspace() for c in name)


def parse_vkey(text: str) -> VerifierKey:
    """A verifier key from its text. Raises NoteError."""
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    raw = decode_base64(encoded, "verifier key")
    if not is_key_name(name) or raw[:1] != _ED25519 or len(raw) != 33:
        raise NoteError("this is no Ed25519 verifier key: <name>+<8 hex digits>+<base64> is")
    key = VerifierKey(name, raw[1:])
    if key.key_id.hex() != key_id:
        raise NoteError(f"the id of verifier key {name} is {key.key_id.hex()}, not {key_id[:16]}")
    return key


class Signer:
    """A private key and the name that it signs under."""

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        if not is_key_name(name):
            raise NoteError(f"{name!r} cannot be a key's name: it must have no spaces and no plus")
        self._key = key
        self.vkey = VerifierKey(name, key.public_key().public_bytes_raw())
        self._prefix = self.vkey.key_id

    def sign(self, text: str) -> bytes:
        """The note of `text`, which ends in a newline."""
        signature = self._prefix + self._key.sign(text.encode())
        return f"{text}\n— {self.vkey.name} {b64encode(signature).decode()}\n".encode()


def verify_note(raw: bytes, key: VerifierKey) -> str:
    """The text of a note that `key` signed. Raises NoteError.

    signed-note, "Signatures": unknown keys are ignored; a known key's signature that fails condemns the note.
    """
    text, signatures = _split(raw)
    own = [signature for name, signature in signatures if name == key.name and signature[:4] == key.key_id]
    if not own:
        raise NoteError(f"the note is not signed by {key.name} ({key.key_id.hex()})")
    public = Ed25519PublicKey.from_public_bytes(key.public)
    for signature in own:
        try:
            public.verify(signature[4:], text.encode())
        except InvalidSignature as error:
            raise NoteError(f"the signature of {key.name} does not verify") from error
    return text


def _split(raw: bytes) -> tuple[str, list[tuple[str, bytes]]]:
    if len(raw) > MAX_NOTE:
        raise NoteError(f"a note has at most {MAX_NOTE} bytes, this one {len(raw)}")
    try:
        whole = raw.decode()
    except UnicodeDecodeError as error:
        raise NoteError("a note is UTF-8 text") from error
    if any(c < " " and c != "\n" for c in whole):
        raise NoteError("a note has no control characters but newlines")
    # signed-note, "Format": the text is separated from the signatures by the last empty line.
    text, blank, block = whole.rpartition("\n\n")
    if not blank or not block.endswith("\n") or block.count("\n") > _MAX_SIGNATURES:
        raise NoteError("a note is text, an empty line, and at least one signature line")
    return text + "\n", [_signature(line) for line in block[:-1].split("\n")]


def _signature(line: str) -> tuple[str, bytes]:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    signature = decode_base64(encoded, "signature")
    if dash != "—" or not is_key_name(name) or len(signature) < 5:
        raise NoteError("a signature line is: em dash, key name, base64 of key id and signature")
    return name, signature


def decode_base64(text: str, what: str) -> bytes:
    """Standard base64 in its canonical form, for hashes and signatures. Raises NoteError naming `what`."""
    try:
        raw = b64decode(text, validate=True)
    except (Base64Error, ValueError) as error:
        raise NoteError(f"the {what} is not base64") from error
    if b64encode(raw).decode() != text:
        raise NoteError(f"the {what} is not base64 in its canonical form")
    return raw
