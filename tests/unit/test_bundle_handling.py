"""What the tools ask of envelopes, steps and floors: signing again, how much one holds, what lies under a bundle."""

import pytest

from sidecar.core.bundle import Floor, floor_under, verify
from sidecar.core.errors import (
    MalformedBundle,
    NotABundle,
    NotForUs,
    RolledBackBundle,
    UntrustedBundle,
    WrongPayloadType,
)
from sidecar.core.trust import countersign, open_envelope, parse_envelope, seal, write_envelope
from sidecar.core.trust.rotation import KEYS_TYPE, read_unverified_keys, state_keys
from tests.tools.signing import DAY, ISSUED, NOW, ec_key, key, key_set, signed, trust


def test_who_signs_again_has_one_signature():
    envelope = countersign(seal("t", b"x", [key(1), ec_key(1)]), [ec_key(1), key(2)])
    assert [one.keyid for one in envelope.signatures] == [
        one.public.id for one in (key(1), ec_key(1), key(2))
    ]
    assert len(open_envelope(envelope, "t", key_set(key(1), key(2), ec_key(1), threshold=3))[1]) == 3


def test_a_signature_that_only_claims_to_be_by_a_key_gives_way_to_it():
    forged = seal("t", b"x", [_Claiming(key(2), key(1))])
    envelope = countersign(forged, [key(1)])
    assert len(envelope.signatures) == 1
    assert open_envelope(envelope, "t", key_set(key(1)))[0] == b"x"


class _Claiming:
    """A Signer under another's name."""

    def __init__(self, own, claimed):
        self.public = claimed.public
        self.sign = own.sign


def test_an_envelope_that_nobody_would_read_is_not_written():
    envelope = seal("t", b"x", [key(seed) for seed in range(17)])
    with pytest.raises(NotABundle, match="signatures"):
        write_envelope(envelope)
    assert parse_envelope(write_envelope(seal("t", b"x", [key(1)]))) == seal("t", b"x", [key(1)])


def test_what_a_step_says_can_be_looked_at_before_it_is_followed():
    step = state_keys("default", key_set(key(2), version=3), (key(1),))
    assert read_unverified_keys(step).version == 3
    with pytest.raises(WrongPayloadType):
        read_unverified_keys(seal("t", b"{}", [key(1)]))
    with pytest.raises(MalformedBundle):
        read_unverified_keys(seal(KEYS_TYPE, b"{}", [key(1)]))
    body = b'{"apiVersion":"ascend.sidecar/v1","keys":["x"],"kind":"KeySet","name":"n","threshold":1,"version":1}'
    with pytest.raises(MalformedBundle, match="no public key"):
        read_unverified_keys(seal(KEYS_TYPE, body, [key(1)]))


def test_the_floor_under_a_bundle_is_that_of_a_host_that_has_it():
    raw = signed(revision=7)
    verified = verify(raw, trust(), Floor(), NOW)
    assert floor_under(raw, trust()) == Floor().after(verified.signed, verified.payload.digest)
    with pytest.raises(RolledBackBundle):
        verify(signed(revision=6), trust(), floor_under(raw, trust()), NOW)


def test_a_floor_does_not_expire_and_knows_no_audience():
    old = signed(revision=7, expires_at=ISSUED + DAY / 2, audience=("elsewhere",))
    assert floor_under(old, trust()).revision == 7


def test_there_is_no_floor_under_what_is_not_ours():
    with pytest.raises(UntrustedBundle):
        floor_under(signed(key=key(2)), trust())
    with pytest.raises(NotForUs):
        floor_under(signed(name="other"), trust())
    with pytest.raises(NotABundle):
        floor_under(b"<html>", trust())
