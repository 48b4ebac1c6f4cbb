"""Notifications as SNS signs them, with a key of the test's own."""

import datetime as dt
from base64 import b64encode
from functools import cache

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.x509.oid import NameOID

from sidecar.core.killswitch.wire import Pinned

TOPIC = "arn:aws:sns:eu-west-1:123456789012:halts"
PINNED = Pinned.of(TOPIC)
NAME = f"SimpleNotificationService-{'0a' * 16}.pem"
URL = f"https://sns.eu-west-1.amazonaws.com/{NAME}"
_ORDER = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")


@cache
def rsa_key(which=0, bits=2048):
    """One of several keys."""
    return rsa.generate_private_key(65537, bits)


def certified(key):
    """A certificate that the key has signed for itself, PEM; long expired, as some of SNS's are."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


@cache
def pem(which=0):
    return certified(rsa_key(which))


def members(message, **changes):
    """The members of a notification, without its signature; None takes one out."""
    text = message if isinstance(message, str) else msgspec.json.encode(message).decode()
    made = {
        "Type": "Notification",
        "MessageId": "b4a9-1",
        "TopicArn": TOPIC,
        "Message": text,
        "Timestamp": "2026-01-02T00:00:00.000Z",
        "SignatureVersion": "2",
        "SigningCertURL": URL,
        "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None}


def sign(made, which=0):
    """The members with the signature of SNS, written out here once more and independently."""
    text = "".join(f"{name}\n{made[name]}\n" for name in _ORDER if name in made)
    hash_ = SHA1 if made.get("SignatureVersion") == "1" else hashes.SHA256
    signature = rsa_key(which).sign(text.encode(), PKCS1v15(), hash_())
    return {**made, "Signature": b64encode(signature).decode()}


def notification(message, which=0, **changes):
    """The body of a message of the queue."""
    return msgspec.json.encode(sign(members(message, **changes), which)).decode()
