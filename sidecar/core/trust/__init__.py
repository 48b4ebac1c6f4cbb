"""Trust: which keys may sign what, and the envelope that their signatures come in."""

from sidecar.core.trust.dsse import (
    Envelope,
    countersign,
    open_envelope,
    parse_envelope,
    read_unverified,
    seal,
    write_envelope,
)
from sidecar.core.trust.keys import (
    PrivateKey,
    PublicKey,
    Signer,
    UnusableKey,
    parse_private_key,
    parse_public_key,
)
from sidecar.core.trust.keyset import KeySet

__all__ = [
    "Envelope",
    "KeySet",
    "PrivateKey",
    "PublicKey",
    "Signer",
    "UnusableKey",
    "countersign",
    "open_envelope",
    "parse_envelope",
    "parse_private_key",
    "parse_public_key",
    "read_unverified",
    "seal",
    "write_envelope",
]
