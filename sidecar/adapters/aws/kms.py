"""Keys in AWS KMS, which sign without ever leaving it.

KMS signs messages of up to 4096 bytes as they are, and longer ones by their digest. It has no such digest for pure
Ed25519 (docs/adr/0007), so the key must be ECC_NIST_P256 and signs with ECDSA_SHA_256 in both cases.
"""

import hashlib
import re
from base64 import b64encode
from dataclasses import dataclass
from typing import Any, Final

from sidecar.adapters.aws.client import aws_client
from sidecar.core.errors import RemoteRefused
from sidecar.core.trust import PublicKey, UnusableKey, parse_public_key

_ALGORITHM: Final = "ECDSA_SHA_256"
_MOST_RAW: Final = 4096
_ARN: Final = re.compile(r"arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):")


@dataclass(frozen=True, slots=True)
class KmsSigner:
    """A Signer; `key` is a key id, an alias or an ARN, whose region counts."""

    key: str
    public: PublicKey

    def sign(self, message: bytes) -> bytes:
        """Raises RemoteRefused, also for a signature that the public key does not bear out; RemoteUnreachable."""
        with aws_client("kms", _named(self.key), _region(self.key)) as client:
            answer = client.sign(KeyId=self.key, SigningAlgorithm=_ALGORITHM, **_shape(message))
        signature: bytes = answer["Signature"]
        if not self.public.verifies(signature, message):
            raise RemoteRefused(f"{_named(self.key)}: its signature does not fit its public key")
        return signature


def open_kms_key(key: str) -> KmsSigner:
    """Asks KMS for the public key. Raises RemoteRefused for another kind of key, RemoteUnreachable."""
    with aws_client("kms", _named(key), _region(key)) as client:
        return KmsSigner(key, _public_key(key, client.get_public_key(KeyId=key)))


def _public_key(key: str, answer: dict[str, Any]) -> PublicKey:
    if _ALGORITHM not in answer.get("SigningAlgorithms", ()):
        raise _wrong_kind(key, answer)
    try:
        return parse_public_key(b64encode(answer["PublicKey"]).decode())
    except UnusableKey as error:
        raise _wrong_kind(key, answer) from error


def _wrong_kind(key: str, answer: dict[str, Any]) -> RemoteRefused:
    """KMS once called the spec CustomerMasterKeySpec, and what stands in for it may know no other name."""
    kind = answer.get("KeySpec") or answer.get("CustomerMasterKeySpec") or "of another kind"
    usage = answer.get("KeyUsage", "")
    return RemoteRefused(
        f"{_named(key)} is {kind} for {usage}; bundles are signed with ECC_NIST_P256 for SIGN_VERIFY"
    )


def _shape(message: bytes) -> dict[str, Any]:
    if len(message) <= _MOST_RAW:
        return {"Message": message, "MessageType": "RAW"}
    return {"Message": hashlib.sha256(message).digest(), "MessageType": "DIGEST"}


def _region(key: str) -> str | None:
    match = _ARN.match(key)
    return match["region"] if match else None


def _named(key: str) -> str:
    return f"KMS key {key}"
