"""SNS notifications: their envelope, and the signature of SNS over it.

The string that is signed is that of the SNS developer guide, "Verifying the signatures of Amazon SNS messages". What
it leaves out, message attributes among it, is not even read.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509 import InvalidVersion, load_pem_x509_certificate
from msgspec import Meta

from sidecar.core.killswitch.wire.model import Refusal, refusal
from sidecar.core.model import Object

# In one line: with a line's end in any other member than the message, one signed string would have two readings.
_Line = Annotated[str, Meta(max_length=1024, pattern=r"\A[^\r\n]*\Z")]
_CONFIRMATIONS: Final = frozenset({"SubscriptionConfirmation", "UnsubscribeConfirmation"})
_MEMBERS: Final = {"Type", "Message", "TopicArn", "Signature"}
_HASHES: Final = {"1": SHA1, "2": SHA256}
_LEAST_BITS: Final = 2048


class Notification(
    msgspec.Struct,
    frozen=True,
    rename={
        "message": "Message",
        "message_id": "MessageId",
        "timestamp": "Timestamp",
        "topic_arn": "TopicArn",
        "signature_version": "SignatureVersion",
        "signature": "Signature",
        "certificate_url": "SigningCertURL",
        "subject": "Subject",
    },
):
    """One message of a topic, as SNS puts it into a queue. Nothing of it is verified yet."""

    message: str
    message_id: _Line
    timestamp: _Line
    topic_arn: _Line
    signature_version: _Line
    signature: Annotated[str, Meta(max_length=4096)]
    certificate_url: _Line
    subject: _Line | None = None


def parse_notification(found: Object) -> Notification:
    """Raises KillSwitchError, for confirmations too: their addresses are never followed."""
    kind = found.get("Type")
    if isinstance(kind, str) and kind in _CONFIRMATIONS:
        raise refusal(Refusal.CONFIRMATION, f"{kind}: subscriptions are confirmed by whoever made them")
    if kind != "Notification":
        if found.keys() >= _MEMBERS:
            raise refusal(Refusal.MALFORMED, "the type of the SNS message is none that is known")
        raise refusal(Refusal.UNSIGNED, "it is neither a notification of SNS nor a signed order")
    try:
        return msgspec.convert(found, Notification)
    except msgspec.ValidationError as error:
        raise refusal(Refusal.MALFORMED, f"the notification of SNS cannot be read: {error}") from error


def signed_text(notification: Notification) -> bytes:
    """What SNS signs: names and decoded values of these members, in this order, the subject only if there is one."""
    subject = () if notification.subject is None else (("Subject", notification.subject),)
    members = (
        ("Message", notification.message),
        ("MessageId", notification.message_id),
        *subject,
        ("Timestamp", notification.timestamp),
        ("TopicArn", notification.topic_arn),
        ("Type", "Notification"),
    )
    return "".join(f"{name}\n{value}\n" for name, value in members).encode()


def certified_key(pem: bytes) -> RSAPublicKey | None:
    """The key of a certificate; None for bytes that are none which SNS signs with.

    What vouches for it is the TLS connection to the pinned host that it came by. Its own dates are not looked at: by
    a wrong clock of this host, a halt would be lost to them.
    """
    try:
        key = load_pem_x509_certificate(pem).public_key()
    except (ValueError, UnsupportedAlgorithm, InvalidVersion):
        return None
    return key if isinstance(key, RSAPublicKey) and key.key_size >= _LEAST_BITS else None


def check_signature(notification: Notification, key: RSAPublicKey) -> None:
    """Signature version 1 is RSA PKCS #1 v1.5 with SHA-1, version 2 with SHA-256. Raises KillSwitchError."""
    hash_ = _HASHES.get(notification.signature_version)
    if hash_ is None:
        raise refusal(Refusal.BAD_SIGNATURE, "the version of the signature of SNS is neither 1 nor 2")
    try:
        signature = b64decode(notification.signature, validate=True)
        key.verify(signature, signed_text(notification), PKCS1v15(), hash_())
    except (Base64Error, ValueError, InvalidSignature, UnsupportedAlgorithm) as error:
        raise refusal(Refusal.BAD_SIGNATURE, "the signature of SNS is not good") from error
