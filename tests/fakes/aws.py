"""AWS on a port of this machine: moto's own server, with a KMS that also signs digests."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

import boto3
import moto.kms.urls
import moto.sns.urls
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from moto.core.responses import ActionResult
from moto.kms.exceptions import ValidationException
from moto.kms.responses import KmsResponse
from moto.sns.responses import SNSResponse

from tests.tools.s3 import environment, s3_server

MOST_RAW = 4096
ED25519 = "ECC_NIST_EDWARDS25519"


class Kms(KmsResponse):
    """moto takes MessageType=DIGEST for RAW, so it would hash the digest once more, and takes RAW of any length.

    AWS KMS signs the digest as it is, and refuses a RAW message of more than 4096 bytes and a digest of another
    length than the algorithm's. Every RAW message that AWS takes goes to moto unchanged.
    """

    def sign(self) -> str:
        message = self._get_param("Message")
        if self._get_param("MessageType") == "DIGEST":
            return self._sign_digest(message)
        if len(message) > MOST_RAW:
            raise ValidationException(f"Value at 'message' must have length of at most {MOST_RAW}")
        return super().sign()

    def get_public_key(self) -> str:
        """moto makes no Ed25519 keys; one that says in its description that it is one answers as AWS's do."""
        answer = json.loads(super().get_public_key())
        if self.kms_backend.describe_key(self._get_param("KeyId")).description == ED25519:
            public = Ed25519PrivateKey.generate().public_key()
            der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            answer |= {"KeySpec": ED25519, "PublicKey": base64.b64encode(der).decode()}
            answer |= {"SigningAlgorithms": ["ED25519_SHA_512", "ED25519_PH_SHA_512"]}
        return json.dumps(answer)

    def _sign_digest(self, digest: bytes) -> str:
        key_id, algorithm = self._get_param("KeyId"), self._get_param("SigningAlgorithm")
        if len(digest) != sha256().digest_size:
            raise ValidationException("Digest is invalid length for algorithm " + algorithm)
        self._validate_key_id(key_id)
        key = self.kms_backend.describe_key(key_id)
        signature = key.private_key.private_key.sign(digest, ECDSA(Prehashed(SHA256())))
        return json.dumps({
            "KeyId": key.arn,
            "Signature": base64.b64encode(signature).decode(),
            "SigningAlgorithm": algorithm,
        })  # fmt: skip


class Sns(SNSResponse):
    """moto takes the topic's SignatureVersion and does not tell it, as AWS SNS does."""

    def get_topic_attributes(self) -> ActionResult:
        answer = super().get_topic_attributes()
        topic = self.backend.get_topic(self._get_param("TopicArn"))
        answer.result["Attributes"]["SignatureVersion"] = getattr(topic, "signature_version", "1")
        return answer


@contextmanager
def aws(patch: pytest.MonkeyPatch) -> Iterator[str]:
    """The server's address, to which the AWS environment of this process points meanwhile."""
    patch.setitem(moto.kms.urls.url_paths, "{0}/$", Kms.dispatch)
    patch.setitem(moto.sns.urls.url_paths, "{0}/$", Sns.dispatch)
    with s3_server() as address:
        for name, value in environment(address).items():
            patch.setenv(name, value)
        patch.setenv("AWS_REGION", "us-east-1")
        yield address


def make_key(spec: str = "ECC_NIST_P256", usage: str = "SIGN_VERIFY") -> str:
    """The ARN of a new key."""
    client = boto3.client("kms")
    made = "ECC_NIST_P256" if spec == ED25519 else spec
    try:
        return client.create_key(KeySpec=made, KeyUsage=usage, Description=spec)["KeyMetadata"]["Arn"]
    finally:
        client.close()


def make_bucket(name: str) -> None:
    client = boto3.client("s3")
    try:
        client.create_bucket(Bucket=name)
    finally:
        client.close()


def object_of(bucket: str, key: str) -> tuple[bytes, dict]:
    """Its bytes, and what else S3 says of it."""
    client = boto3.client("s3")
    try:
        answer = client.get_object(Bucket=bucket, Key=key)
        with answer["Body"] as body:
            return body.read(), answer
    finally:
        client.close()
