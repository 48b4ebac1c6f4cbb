"""Keys in KMS, over HTTP against moto: what is sent, what is believed, how it fails."""

import boto3
import pytest

from sidecar.adapters.aws.kms import KmsSigner, open_kms_key
from sidecar.core.errors import RemoteRefused, RemoteUnreachable
from tests.fakes.aws import ED25519, MOST_RAW, aws, make_key
from tests.fakes.stub_daemon import StubDaemon, on_tcp


@pytest.fixture(scope="module")
def server():
    with pytest.MonkeyPatch.context() as environment, aws(environment) as address:
        yield address


@pytest.mark.parametrize("size", [1, MOST_RAW, MOST_RAW + 1, 100_000])
def test_a_message_of_any_size_is_signed(server, size):
    signer = open_kms_key(make_key())
    message = b"m" * size
    signature = signer.sign(message)
    assert signer.public.verifies(signature, message)
    assert not signer.public.verifies(signature, message + b"!")


def test_an_alias_and_a_bare_id_name_a_key_too(server):
    arn = make_key()
    client = boto3.client("kms")
    client.create_alias(AliasName="alias/release", TargetKeyId=arn.rpartition("/")[2])
    client.close()
    assert open_kms_key("alias/release").public == open_kms_key(arn).public
    assert open_kms_key(arn.rpartition("/")[2]).public == open_kms_key(arn).public


@pytest.mark.parametrize(
    ("spec", "usage"),
    [
        ("RSA_2048", "SIGN_VERIFY"),
        ("ECC_NIST_P384", "SIGN_VERIFY"),
        ("ECC_SECG_P256K1", "SIGN_VERIFY"),
        (ED25519, "SIGN_VERIFY"),
    ],
)
def test_a_key_of_another_kind_is_refused_by_name(server, spec, usage):
    with pytest.raises(RemoteRefused, match=f"is {spec} for {usage}; bundles are signed with ECC_NIST_P256"):
        open_kms_key(make_key(spec, usage))


def test_a_key_that_encrypts_is_refused(server):
    with pytest.raises(RemoteRefused):
        open_kms_key(make_key("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"))


def test_the_region_of_an_arn_counts(server, monkeypatch):
    arn = make_key()
    monkeypatch.setenv("AWS_REGION", "us-east-2")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-2")
    assert open_kms_key(arn).sign(b"m")
    with pytest.raises(RemoteRefused, match="NotFoundException"):
        open_kms_key(arn.rpartition("/")[2])


def test_a_signature_that_does_not_fit_the_public_key_is_not_used(server):
    ours, other = make_key(), open_kms_key(make_key())
    with pytest.raises(RemoteRefused, match="does not fit its public key"):
        KmsSigner(ours, other.public).sign(b"m")


def test_a_key_that_is_not_there_is_one_sentence(server):
    with pytest.raises(RemoteRefused, match="KMS key alias/none: AWS says NotFoundException: "):
        open_kms_key("alias/none")


@pytest.mark.parametrize("key", ["", "a b\n"])
def test_what_names_no_key_is_refused(server, key):
    with pytest.raises(RemoteRefused):
        open_kms_key(key)


def test_without_credentials_it_is_refused(server, monkeypatch, tmp_path):
    arn = make_key()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(RemoteRefused, match="Unable to locate credentials"):
        open_kms_key(arn)


def test_nobody_there_is_unreachable(server, monkeypatch):
    arn = make_key()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(RemoteUnreachable, match="AWS does not answer"):
        open_kms_key(arn)


def test_a_failing_service_is_unreachable_and_not_one_that_refuses(server, monkeypatch):
    stub = StubDaemon({"POST /": (503, {"__type": "KMSInternalException", "message": "later"})})
    with on_tcp(stub) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        with pytest.raises(RemoteUnreachable, match="AWS says KMSInternalException: later"):
            open_kms_key("alias/release")


def test_an_endpoint_that_is_none_is_refused(server, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nonsense")
    with pytest.raises(RemoteRefused, match="Invalid endpoint"):
        open_kms_key("alias/release")
