"""Signed bundles for tests, in one line: policy text in, the bytes of an envelope out. Keys come from seeds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sidecar.core.bundle import Trust
from sidecar.core.bundle.assemble import parse_files
from sidecar.core.bundle.payload import BUNDLE_TYPE, Header, write_payload
from sidecar.core.trust import Envelope, KeySet, PublicKey, Signer, seal
from sidecar.core.trust.keys import PrivateKey
from tests.tools.bundles import DEFAULTS, HEAD

DAY = 86_400.0
ISSUED = 1_767_225_600.0  # 2026-01-01T00:00:00Z
NOW = ISSUED + DAY
VERSION = "0.1.0"
RULES = "rules: [{id: reads, match: {actions: [read]}, effect: allow, reason: Reading is free.}]\n"
TABLES = parse_files(DEFAULTS)


@dataclass(frozen=True, slots=True)
class EcKey:
    """A Signer with an ECDSA key on P-256, as a KMS would hold it."""

    key: EllipticCurvePrivateKey

    @property
    def public(self) -> PublicKey:
        return PublicKey(self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

    def sign(self, message: bytes) -> bytes:
        return self.key.sign(message, ECDSA(SHA256()))


def key(seed: int) -> PrivateKey:
    """The Ed25519 key of this seed, 0 to 255."""
    return PrivateKey(Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


def ec_key(seed: int) -> EcKey:
    """The P-256 key of this seed, from 1."""
    return EcKey(derive_private_key(seed, SECP256R1()))


KEY = key(1)


def key_set(*signers: Signer, threshold: int = 1, version: int = 0) -> KeySet:
    """The set of their public keys."""
    return KeySet(tuple(signer.public for signer in signers), threshold, version)


def trust(*signers: Signer, threshold: int = 1, version: int = 0, **changes: Any) -> Trust:
    """Trust in these keys, else in KEY, for bundles called `default`."""
    keys = key_set(*(signers or (KEY,)), threshold=threshold, version=version)
    return Trust(**{"name": "default", "keys": keys, "daemon_version": VERSION, **changes})


def header(revision: int = 1, **changes: Any) -> Header:
    """A header that is valid at NOW; `issued_at` and `expires_at` may be given in epoch seconds."""
    written = {"name": "default", "issued_at": ISSUED, "expires_at": ISSUED + 30 * DAY, **changes}
    for name in ("issued_at", "expires_at"):
        if isinstance(written[name], float):
            written[name] = datetime.fromtimestamp(written[name], UTC)
    return Header(revision=revision, **written)


def payload(
    text: str = RULES, revision: int = 1, *, files: Mapping[str, str] | None = None, **changes: Any
) -> bytes:
    """The payload of one policy document, given from its `rules:` on, and of more files as they are."""
    raw = {"policy.yaml": HEAD + text, **(files or {})}
    documents = parse_files({name: content.encode() for name, content in raw.items()})
    return write_payload(header(revision, **changes), TABLES | documents)


def sealed(body: bytes, *signers: Signer, kind: str = BUNDLE_TYPE, steps: tuple[Envelope, ...] = ()) -> bytes:
    """The envelope around these bytes, signed by each, else by KEY."""
    return msgspec.json.encode(seal(kind, body, signers or (KEY,), steps))


def signed(
    text: str = RULES,
    revision: int = 1,
    key: Signer | tuple[Signer, ...] = KEY,
    *,
    steps: tuple[Envelope, ...] = (),
    **changes: Any,
) -> bytes:
    """A signed bundle of this policy text; `changes` are of the header, or `files` besides the policy."""
    signers = key if isinstance(key, tuple) else (key,)
    return sealed(payload(text, revision, **changes), *signers, steps=steps)
