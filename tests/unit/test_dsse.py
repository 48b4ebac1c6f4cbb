"""DSSE envelopes: the specification's vector, which signatures count, and what is no envelope."""

import json
from base64 import b64decode, b64encode, urlsafe_b64encode

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sidecar.core.errors import NotABundle, UntrustedBundle, WrongPayloadType
from sidecar.core.trust import Envelope, KeySet, PublicKey, open_envelope, parse_envelope, seal
from sidecar.core.trust.dsse import Signature, countersign, encoding, read_unverified
from tests.tools.signing import ec_key, key, key_set

KIND = "http://example.com/HelloWorld"
BODY = b"hello world"
# protocol.md, "Test Vectors": the signature is r||s there, DER here.
EXAMPLE_POINT = (
    46950820868899156662930047687818585632848591499744589407958293238635476079160,
    5640078356564379163099075877009565129882514886557779369047442380624545832820,
)
EXAMPLE_SIGNATURE = b64decode(
    "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="
)
ONE, TWO, THREE, EC = key(1), key(2), key(3), ec_key(4)


def sealed(*signers, body=BODY, kind=KIND):
    return seal(kind, body, signers)


def opened(envelope, *signers, threshold=1, kind=KIND):
    """The body and the keys that signed, after a way through bytes."""
    parsed = parse_envelope(msgspec.json.encode(envelope))
    return open_envelope(parsed, kind, key_set(*signers, threshold=threshold))


def changed(envelope, **changes):
    return msgspec.structs.replace(envelope, **changes)


def written(**changes):
    return msgspec.json.decode(msgspec.json.encode(sealed(ONE))) | changes


def test_the_pre_authentication_encoding_is_that_of_the_specification():
    assert encoding(KIND, BODY) == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert encoding("é", "é €".encode()) == "DSSEv1 2 é 6 é €".encode()
    assert encoding("", b"") == b"DSSEv1 0  0 "


def test_the_signature_of_the_specification_verifies():
    point = EllipticCurvePublicNumbers(*EXAMPLE_POINT, SECP256R1()).public_key()
    example = PublicKey(point.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    r, s = (int.from_bytes(half) for half in (EXAMPLE_SIGNATURE[:32], EXAMPLE_SIGNATURE[32:]))
    signature = Signature(b64encode(encode_dss_signature(r, s)).decode())
    envelope = Envelope(b64encode(BODY).decode(), KIND, (signature,))
    assert open_envelope(envelope, KIND, KeySet((example,))) == (BODY, (example,))


@pytest.mark.parametrize("signer", [ONE, EC], ids=["ed25519", "p256"])
def test_what_is_sealed_opens_with_its_key_and_no_other(signer):
    envelope = sealed(signer)
    assert opened(envelope, signer) == (BODY, (signer.public,))
    for other in (TWO, ec_key(9)):
        with pytest.raises(UntrustedBundle):
            opened(envelope, other)


@pytest.mark.parametrize("signer", [ONE, EC], ids=["ed25519", "p256"])
def test_a_signature_is_over_type_and_body(signer):
    envelope = sealed(signer)
    others = (
        changed(envelope, payload=b64encode(BODY + b"!").decode()),
        changed(envelope, payload_type=KIND + "!"),
        changed(envelope, signatures=(Signature(b64encode(signer.sign(BODY)).decode()),)),
    )
    for other in others:
        with pytest.raises(UntrustedBundle):
            opened(other, signer, kind=other.payload_type)


@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
def test_both_alphabets_of_base64_are_read(encode):
    """envelope.md: "Either standard or URL-safe encoding is allowed"."""
    body = bytes(range(256)) * 3000
    for length in (0, 1, 2, 3, 196_608, 196_609, len(body)):
        part = body[:length]
        envelope = changed(sealed(ONE, body=part), payload=encode(part).decode())
        signature = encode(ONE.sign(encoding(KIND, part))).decode()
        assert opened(changed(envelope, signatures=(Signature(signature),)), ONE)[0] == part


@pytest.mark.parametrize(
    "text",
    ["aGVsbG8gd29ybGQ", "aGVsbG8gd29ybGQ==", "aGVs bG8=", "aGVsbG8=\n", "é===", "=", "====", "aGVs=bG8"],
)
def test_what_is_not_base64_is_refused(text):
    for broken in (written(payload=text), written(signatures=[{"sig": text}])):
        with pytest.raises(NotABundle, match="base64"):
            open_envelope(parse_envelope(json.dumps(broken).encode()), KIND, key_set(ONE))
    with pytest.raises(NotABundle, match="base64"):
        read_unverified(Envelope(text, KIND, ()))


def test_padding_stands_at_the_end_only_in_large_bodies_too():
    two = b64encode(b"x" * 196_607).decode() + b64encode(b"x").decode()
    with pytest.raises(NotABundle, match="base64"):
        read_unverified(Envelope(two, KIND, ()))


def test_fields_that_we_do_not_know_are_ignored():
    """envelope.md: "Consumers MUST ignore unrecognized fields"."""
    envelope = written(extra={"a": [1]}, _type="x")
    envelope["signatures"][0] |= {"cert": "x", "extra": None}
    assert open_envelope(parse_envelope(json.dumps(envelope).encode()), KIND, key_set(ONE))[0] == BODY


@pytest.mark.parametrize("keyid", ["", "no such key", TWO.public.id])
def test_a_key_id_decides_nothing(keyid):
    envelope = sealed(ONE)
    hinted = changed(envelope, signatures=(changed(envelope.signatures[0], keyid=keyid),))
    assert opened(hinted, TWO, ONE) == (BODY, (ONE.public,))
    with pytest.raises(UntrustedBundle):
        opened(hinted, TWO)


def test_a_threshold_counts_keys():
    assert opened(sealed(ONE, TWO), ONE, TWO, THREE, threshold=2)[1] == (ONE.public, TWO.public)
    assert opened(sealed(THREE, EC, ONE), ONE, TWO, EC, threshold=2)[1] == (ONE.public, EC.public)
    for signers in ((), (ONE,), (ONE, ONE), (EC, EC), (ONE, key(9))):
        with pytest.raises(UntrustedBundle, match="2 must"):
            opened(sealed(*signers), ONE, TWO, EC, threshold=2)


def test_one_key_under_two_ids_is_one_key():
    envelope = sealed(ONE, ONE)
    first, second = envelope.signatures
    envelope = changed(envelope, signatures=(first, changed(second, keyid=TWO.public.id)))
    with pytest.raises(UntrustedBundle, match="1 of the 2 trusted keys"):
        opened(envelope, ONE, TWO, threshold=2)


def test_signatures_of_others_do_no_harm():
    assert opened(sealed(key(7), key(8), ONE, key(9)), ONE)[0] == BODY


def test_the_refusal_says_who_claims_to_have_signed():
    with pytest.raises(UntrustedBundle) as caught:
        opened(sealed(TWO), ONE, THREE, threshold=2)
    assert "0 of the 2 trusted keys signed these bytes, 2 must" in str(caught.value)
    assert TWO.public.id[:12] in str(caught.value)
    with pytest.raises(UntrustedBundle, match="claim to be by nobody"):
        opened(sealed(), ONE)


def test_the_type_is_looked_at_once_the_signatures_are_good():
    with pytest.raises(WrongPayloadType, match="text/plain"):
        opened(sealed(ONE, kind="text/plain"), ONE)
    with pytest.raises(UntrustedBundle):
        opened(sealed(TWO, kind="text/plain"), ONE)


def test_a_countersignature_is_one_more_over_the_same_bytes():
    envelope = countersign(sealed(ONE), (EC,))
    assert envelope.signatures[:1] == sealed(ONE).signatures
    assert opened(envelope, ONE, EC, threshold=2)[0] == BODY
    assert read_unverified(envelope) == BODY


def test_an_envelope_carries_others():
    inner = sealed(ONE)
    outer = seal(KIND, b"outer", (TWO,), (inner, inner))
    assert parse_envelope(msgspec.json.encode(outer)) == outer
    assert opened(outer.keys[1], ONE)[0] == BODY


TEXT = json.dumps(written())
SIGNATURE = written()["signatures"][0]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<!DOCTYPE html><html></html>",
        b"\x1f\x8b\x08\x00",
        b"null",
        b"[]",
        b"{}",
        b'{"error":"not found"}',
        TEXT[:-1],
        TEXT + "x",
        TEXT.replace("{", '{"payload":"",', 1),
        TEXT.replace("{", '{"payloadType":"x",', 1),
        TEXT.replace("{", '{"signatures":[],', 1),
        TEXT.replace("{", '{"x":1,"x":2,', 1),
        TEXT.replace('"sig"', '"sig":"","sig"'),
        TEXT.replace('"sig"', '"\\u0073ig":"","sig"'),
        json.dumps(written(payload=None)),
        json.dumps(written(payload=["x"])),
        json.dumps(written(payloadType=1)),
        json.dumps(written(payloadType="x" * 257)),
        json.dumps(written(signatures=None)),
        json.dumps(written(signatures=[{}])),
        json.dumps(written(signatures=[None])),
        json.dumps(written(signatures=SIGNATURE)),
        json.dumps(written(signatures=[SIGNATURE] * 17)),
        json.dumps(written(signatures=[SIGNATURE | {"sig": "A" * 1028}])),
        json.dumps(written(signatures=[SIGNATURE | {"keyid": "x" * 257}])),
        json.dumps(written(keys=[written()] * 33)),
        json.dumps(written(keys=[{}])),
        json.dumps(written(keys={"a": 1})),
        b"[" * 100_000,
        b'{"keys":' + b'[{"keys":' * 100_000,
        TEXT.encode("utf-16"),
    ],
)
def test_what_is_no_envelope_is_refused(raw):
    with pytest.raises(NotABundle, match="no DSSE envelope"):
        parse_envelope(raw if isinstance(raw, bytes) else raw.encode())


def test_an_envelope_may_have_as_many_parts_as_it_may():
    many = written(signatures=[SIGNATURE] * 16, keys=[written(signatures=[SIGNATURE] * 16)] * 32)
    assert len(parse_envelope(json.dumps(many).encode()).keys) == 32
