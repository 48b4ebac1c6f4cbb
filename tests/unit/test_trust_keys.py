"""Keys and sets of keys: what is read, what is refused, and that a refusal shows nothing of what was read."""

import hashlib
import traceback
from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from sidecar.core.trust import KeySet, PublicKey, UnusableKey, parse_public_key
from sidecar.core.trust.keys import parse_private_key
from sidecar.core.trust.keyset import MAX_KEYS
from tests.tools.signing import ec_key, key, key_set

RFC_8032_SECRET = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
RFC_8032_PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
ED25519_SPKI_HEAD = bytes.fromhex("302a300506032b6570032100")
# SubjectPublicKeyInfo of a point on P-256 without its second coordinate.
P256_COMPRESSED_HEAD = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")

ED25519, P256 = key(1), ec_key(1)
OTHERS = {
    "rsa": rsa.generate_private_key(65537, 2048),
    "p384": ec.derive_private_key(7, ec.SECP384R1()),
    "secp256k1": ec.derive_private_key(7, ec.SECP256K1()),
    "x25519": x25519.X25519PrivateKey.from_private_bytes(b"x" * 32),
    "ed448": ed448.Ed448PrivateKey.from_private_bytes(b"x" * 57),
}


def spki(private, encoding=Encoding.DER):
    return private.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


def pkcs8(private, encryption=NoEncryption()):
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def told(refused, text):
    """All that a log could show of the refusal, its causes included."""
    with pytest.raises(UnusableKey) as caught:
        refused(text)
    return "".join(traceback.format_exception_only(caught.value)) + repr(caught.value.__cause__)


@pytest.mark.parametrize("private", [ED25519.key, P256.key], ids=["ed25519", "p256"])
def test_a_key_is_read_as_pem_and_as_base64(private):
    der = spki(private)
    expected = PublicKey(der)
    pem = spki(private, Encoding.PEM).decode()
    for text in (pem, f"\n{pem}\n", pem.replace("\n", "\r\n"), b64encode(der).decode(), expected.text):
        assert parse_public_key(text) == expected
    assert expected.pem.decode() == pem
    assert expected.id == hashlib.sha256(der).hexdigest()


def test_the_key_of_the_specification_of_ed25519_is_the_one_that_is_read():
    """RFC 8032, 7.1, test 1, and RFC 8410 for the structure around it."""
    text = b64encode(ED25519_SPKI_HEAD + RFC_8032_PUBLIC).decode()
    signer = parse_private_key(pkcs8(Ed25519PrivateKey.from_private_bytes(RFC_8032_SECRET)))
    assert parse_public_key(text) == signer.public
    assert signer.sign(b"").hex().startswith("e5564300c360ac729086e2cc806e828a")
    assert parse_private_key(signer.pem).public == signer.public


def test_a_point_written_in_two_ways_is_one_key():
    point = P256.key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    compressed = parse_public_key(b64encode(P256_COMPRESSED_HEAD + point).decode())
    assert compressed == P256.public
    with pytest.raises(ValueError, match="twice"):
        KeySet((compressed, P256.public), 2)


@pytest.mark.parametrize("kind", OTHERS)
def test_keys_of_other_kinds_are_refused(kind):
    private = OTHERS[kind]
    for text in (spki(private, Encoding.PEM).decode(), b64encode(spki(private)).decode()):
        assert "Ed25519 or P-256" in told(parse_public_key, text)
    assert "Ed25519" in told(parse_private_key, pkcs8(private))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "AAAA",
        "secret-word",
        "secret word",
        "sécret",
        "\ud800secret",
        "c2VjcmV0",
        "A" * 100_000,
        "-----BEGIN",
        "-----BEGIN PUBLIC KEY-----\nsecret\n-----END PUBLIC KEY-----\n",
        "-----BEGIN CERTIFICATE-----\nc2VjcmV0\n-----END CERTIFICATE-----\n",
        ED25519.public.text[:-4],
        ED25519.public.text + "AAAA",
        ED25519.public.text[:20] + "\n" + ED25519.public.text[20:],
        b64encode(RFC_8032_PUBLIC).decode(),
    ],
)
def test_what_is_no_public_key_is_refused_without_showing_it(text):
    shown = told(parse_public_key, text)
    assert "no public key" in shown
    assert "secret" not in shown
    assert len(shown) < 500


def test_a_private_key_where_a_public_one_belongs_is_refused_without_showing_it():
    for private in (ED25519.key, P256.key, OTHERS["rsa"]):
        pem = pkcs8(private).decode()
        for text in (pem, "".join(pem.splitlines()[1:-1])):
            shown = told(parse_public_key, text)
            lines = [line for line in pem.splitlines() if not line.startswith("-")]
            assert not any(line in shown for line in lines)


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"secret-word",
        b"\xff\xfe",
        ED25519.public.pem,
        pkcs8(ED25519.key, BestAvailableEncryption(b"secret")),
        pkcs8(ED25519.key)[:60],
        pkcs8(P256.key),
    ],
)
def test_what_is_no_private_key_of_ours_is_refused_without_showing_it(pem):
    shown = told(parse_private_key, pem)
    assert "secret" not in shown
    assert not any(line and line in shown.encode() for line in pem.splitlines() if b"-----" not in line)


@pytest.mark.parametrize("signer", [ED25519, P256], ids=["ed25519", "p256"])
def test_a_signature_is_of_one_key_over_one_message(signer):
    signature = signer.sign(b"message")
    assert signer.public.verifies(signature, b"message")
    assert not signer.public.verifies(signature, b"massage")
    for other in (key(2), ec_key(2)):
        assert not other.public.verifies(signature, b"message")
    for damaged in (b"", b"\x00", signature[:-1], signature + b"\x00", bytes(64), bytes(100_000)):
        assert not signer.public.verifies(damaged, b"message")


def test_keys_that_are_equal_are_found_equal():
    assert len({ED25519.public, parse_public_key(ED25519.public.text), P256.public}) == 2


def test_a_set_holds_different_keys_and_a_threshold_among_them():
    full = [key(seed) for seed in range(MAX_KEYS)]
    assert key_set(*full, threshold=MAX_KEYS).keys[-1] == full[-1].public
    assert key_set(ED25519, version=3) == KeySet((ED25519.public,), 1, 3)


@pytest.mark.parametrize(
    ("seeds", "threshold", "reason"),
    [
        ([], 1, "1 to 16 keys"),
        ([], 0, "1 to 16 keys"),
        (range(MAX_KEYS + 1), 1, "1 to 16 keys"),
        ([1, 2, 1], 2, "twice"),
        ([1, 2], 0, "threshold 0"),
        ([1, 2], -1, "threshold -1"),
        ([1, 2], 3, "threshold 3"),
    ],
)
def test_a_set_by_which_nothing_or_anything_is_signed_cannot_be_made(seeds, threshold, reason):
    with pytest.raises(ValueError, match=reason):
        key_set(*(key(seed) for seed in seeds), threshold=threshold)
