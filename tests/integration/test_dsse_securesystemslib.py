"""DSSE as code sees it that nobody here wrote: securesystemslib, for each kind of key and in both directions."""

import json
from dataclasses import replace

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope as ForeignEnvelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey

from sidecar.core.bundle import Floor, verify
from sidecar.core.bundle.payload import BUNDLE_TYPE
from sidecar.core.errors import UntrustedBundle
from sidecar.core.trust import KeySet, open_envelope, parse_envelope, parse_public_key, seal
from sidecar.core.trust.dsse import encoding
from tests.tools.signing import NOW, ec_key, key, key_set, payload, signed, trust

KIND = "application/vnd.example+json"
BODIES = (b"", b"hello world", bytes(range(256)) * 2000)
OURS = {"ed25519": key(1), "p256": ec_key(2)}


def foreign_key(signer):
    """Our public key as theirs. They look keys up by the id that a signature names."""
    return SSlibKey.from_crypto(signer.key.public_key(), keyid=signer.public.id)


def foreign_signer(signer):
    return CryptoSigner(signer.key, foreign_key(signer))


def as_foreign(envelope):
    return ForeignEnvelope.from_dict(json.loads(msgspec.json.encode(envelope)))


def from_foreign(envelope):
    return parse_envelope(json.dumps(envelope.to_dict()).encode())


def as_ours(key):
    """They write Ed25519 keys as the hex of the point, all others as PEM."""
    public = key.keyval["public"]
    if key.keytype == "ed25519":
        point = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
        public = point.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return parse_public_key(public)


@pytest.mark.parametrize("body", BODIES, ids=len)
@pytest.mark.parametrize("kind", OURS)
def test_what_is_sealed_here_verifies_there(kind, body):
    signer = OURS[kind]
    envelope = as_foreign(seal(KIND, body, (signer,)))
    assert (envelope.payload, envelope.payload_type) == (body, KIND)
    assert envelope.verify([foreign_key(signer)], 1).keys() == {signer.public.id}
    envelope.payload += b"!"
    with pytest.raises(VerificationError):
        envelope.verify([foreign_key(signer)], 1)


@pytest.mark.parametrize("body", BODIES, ids=len)
@pytest.mark.parametrize("kind", OURS)
def test_what_is_signed_there_opens_here(kind, body):
    signer = OURS[kind]
    envelope = ForeignEnvelope(body, KIND, {})
    envelope.sign(foreign_signer(signer))
    assert open_envelope(from_foreign(envelope), KIND, key_set(signer)) == (body, (signer.public,))
    envelope.payload += b"!"
    with pytest.raises(UntrustedBundle):
        open_envelope(from_foreign(envelope), KIND, key_set(signer))


@pytest.mark.parametrize("generate", [CryptoSigner.generate_ed25519, CryptoSigner.generate_ecdsa])
def test_keys_that_were_made_there_are_trusted_here(generate):
    """Their key ids are not ours, which decides nothing."""
    signer = generate()
    ours = as_ours(signer.public_key)
    envelope = ForeignEnvelope(payload(), BUNDLE_TYPE, {})
    envelope.sign(signer)
    raw = json.dumps(envelope.to_dict()).encode()
    trusted = replace(trust(), keys=KeySet((ours,)))
    assert verify(raw, trusted, Floor(), NOW).signed.signers == (ours.id,)


def test_a_threshold_of_signatures_of_both_kinds_holds_on_both_sides():
    envelope = as_foreign(parse_envelope(signed(key=(OURS["ed25519"],))))
    envelope.sign(foreign_signer(OURS["p256"]))
    keys = [foreign_key(signer) for signer in OURS.values()]
    assert len(envelope.verify(keys, 2)) == 2
    raw = json.dumps(envelope.to_dict()).encode()
    assert len(verify(raw, trust(*OURS.values(), threshold=2), Floor(), NOW).signed.signers) == 2


@given(st.text(st.characters(codec="utf-8")), st.binary())
def test_the_bytes_that_are_signed_are_the_same(kind, body):
    assert encoding(kind, body) == ForeignEnvelope(body, kind, {}).pae()
