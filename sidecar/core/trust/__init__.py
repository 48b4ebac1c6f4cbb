"""Trust: which keys may sign what, and the envelope that their signatures come in."""

from sidecar.core.trust.dsse import Envelope, open_envelope, parse_envelope, seal
from sidecar.core.trust.keys import PublicKey, Signer, UnusableKey, parse_public_key
from sidecar.core.trust.keyset import KeySet

__all__ = [
    "Envelope",
    "KeySet",
    "PublicKey",
    "Signer",
    "UnusableKey",
    "open_envelope",
    "parse_envelope",
    "parse_public_key",
    "seal",
]
