"""Keys: Ed25519, and ECDSA on P-256 for keys that never leave a KMS. The key says by which algorithm, not the bytes.

A public key is written as PEM, or as the base64 of its SubjectPublicKeyInfo (RFC 5280, 4.1.2.7) in one line. Its id
is the hex SHA-256 of that structure: a hint for finding it, which decides nothing.
"""

import hashlib
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

from sidecar.core.errors import SidecarError

MAX_KEY_TEXT: Final = 8192
_PEM: Final = "-----BEGIN"
_SPKI: Final = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


class UnusableKey(SidecarError):
    """Text or a file that holds no key of a kind that bundles are signed with. Never shows what it holds."""


class Signer(Protocol):
    """Something that signs with a private key, wherever that is."""

    @property
    def public(self) -> "PublicKey": ...

    def sign(self, message: bytes) -> bytes:
        """The signature over the whole message."""
        ...


@dataclass(frozen=True, slots=True)
class PublicKey:
    """`spki` is the DER form; two keys are one if these bytes are equal."""

    spki: bytes

    @property
    def id(self) -> str:
        return hashlib.sha256(self.spki).hexdigest()

    @property
    def text(self) -> str:
        """The form for config files: base64 in one line."""
        return b64encode(self.spki).decode()

    @property
    def pem(self) -> bytes:
        return _load(self.spki).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """RFC 8032 (pure Ed25519), or ECDSA with SHA-256 and a DER signature (SEC 1, FIPS 186-5)."""
        key = _load(self.spki)
        try:
            if isinstance(key, Ed25519PublicKey):
                key.verify(signature, message)
            else:
                key.verify(signature, message, ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """An Ed25519 key in memory: a Signer."""

    key: Ed25519PrivateKey

    @property
    def public(self) -> PublicKey:
        return PublicKey(self.key.public_key().public_bytes(*_SPKI))

    @property
    def pem(self) -> bytes:
        """PKCS #8, not encrypted."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def sign(self, message: bytes) -> bytes:
        return self.key.sign(message)


def parse_public_key(text: str) -> PublicKey:
    """PEM, or base64 in one line. Raises UnusableKey."""
    text = text.strip()
    try:
        if text.startswith(_PEM):
            der = load_pem_public_key(text.encode()).public_bytes(*_SPKI)
        else:
            der = b64decode(text, validate=True)
        # A point has two encodings (SEC 1, 2.3.3): written anew, one key cannot count as two.
        spki = _load(der).public_bytes(*_SPKI)
    except (Base64Error, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UnusableKey("no public key: PEM or base64 of an Ed25519 or P-256 key is needed") from error
    return PublicKey(spki)


def parse_private_key(pem: bytes) -> PrivateKey:
    """PKCS #8 in PEM. Raises UnusableKey."""
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UnusableKey("no private key: PKCS #8 in PEM, not encrypted, is needed") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UnusableKey("this private key is not an Ed25519 key")
    return PrivateKey(key)


def _load(spki: bytes) -> Ed25519PublicKey | EllipticCurvePublicKey:
    """Raises ValueError for a key of another kind."""
    key = load_der_public_key(spki)
    if isinstance(key, Ed25519PublicKey):
        return key
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return key
    raise ValueError("a key of another kind")
