"""The host's own keys, made on first start: the Ed25519 key that signs checkpoints, and the key of masks."""

import secrets
import socket
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from sidecar.adapters.audit_files.layout import Layout
from sidecar.adapters.audit_files.writer_process import put, sync_dir
from sidecar.core.checkpoint import sign_checkpoint
from sidecar.core.errors import ConfigError, Diagnostic, Place
from sidecar.core.merkle import EMPTY_ROOT
from sidecar.core.note import NoteError, Signer, VerifierKey, is_key_name, parse_vkey

_MASKING_KEY_BYTES: Final = 32


def default_origin() -> str:
    """`ascend-sidecar/<hostname>`."""
    return "ascend-sidecar/" + ("".join(c for c in socket.gethostname() if is_key_name(c)) or "host")


def load_signer(layout: Layout, origin: str | None) -> Signer:
    """The log's key under the log's name. Both are fixed when the log begins; `origin` must not differ later.

    Raises ConfigError.
    """
    if not layout.vkey.exists():
        return _begin(layout, origin or default_origin())
    vkey = load_vkey(layout)
    if origin and origin != vkey.name:
        raise _error(
            layout.vkey, f"this log's origin is {vkey.name}, not {origin}", "an origin never changes"
        )
    key = _load_key(layout.log_key)
    if key is None or _signer(layout, vkey.name, key).vkey != vkey:
        hint = "restore the key that the log was begun with, or begin a new state folder"
        raise _error(layout.log_key, "this is not the key of the log", hint)
    return _signer(layout, vkey.name, key)


def _begin(layout: Layout, origin: str) -> Signer:
    signer = _signer(layout, origin, _load_key(layout.log_key) or _make_key(layout.log_key))
    # Before there is a log there is a checkpoint of it, so that one that is missing later was taken away.
    _write(layout.checkpoint, sign_checkpoint(signer, 0, EMPTY_ROOT))
    _write(layout.vkey, f"{signer.vkey}\n".encode())
    return signer


def load_vkey(layout: Layout) -> VerifierKey:
    """The log's public key, as it lies beside the log. Raises ConfigError."""
    try:
        text = layout.vkey.read_text()
        key = parse_vkey(text)
    except (OSError, UnicodeDecodeError, NoteError) as error:
        raise _error(layout.vkey, f"no verifier key of a log: {error}", "is this a state folder?") from error
    if text != f"{key}\n":
        raise _error(layout.vkey, "more than one line with a verifier key")
    return key


def load_masking_key(layout: Layout) -> bytes:
    """The 32 bytes that masks are made with. Raises ConfigError."""
    path = layout.masking_key
    if not path.exists():
        _write(path, secrets.token_bytes(_MASKING_KEY_BYTES))
    key = path.read_bytes()
    if len(key) != _MASKING_KEY_BYTES:
        raise _error(path, f"a masking key has {_MASKING_KEY_BYTES} bytes, this one {len(key)}")
    return key


def _signer(layout: Layout, name: str, key: Ed25519PrivateKey) -> Signer:
    try:
        return Signer(name, key)
    except NoteError as error:
        raise _error(layout.vkey, str(error), "set another audit.origin") from error


def _load_key(path: Path) -> Ed25519PrivateKey | None:
    if not path.exists():
        return None
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise _error(path, "no private key in PEM form") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _error(path, "not an Ed25519 key")
    return key


def _make_key(path: Path) -> Ed25519PrivateKey:
    key = Ed25519PrivateKey.generate()
    _write(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return key


def _write(path: Path, data: bytes) -> None:
    put(str(path), data)
    sync_dir(str(path.parent))


def _error(path: Path, message: str, hint: str = "") -> ConfigError:
    return ConfigError(Diagnostic(Place(str(path)), message, hint))
