"""Rotation: where the signed steps lead from each set of keys, and which steps are none."""

from dataclasses import replace

import msgspec
import pytest

from sidecar.core.bundle import Floor, verify
from sidecar.core.canonical import encode
from sidecar.core.errors import MalformedBundle, NotABundle, RolledBackBundle, UntrustedBundle
from sidecar.core.trust import seal
from sidecar.core.trust.rotation import KEYS_TYPE, follow, state_keys
from tests.tools.signing import NOW, ec_key, key, key_set, signed, trust

OLD, MIDDLE, NEW, FOREIGN, EC = key(10), key(11), key(12), key(99), ec_key(13)
ZERO = key_set(OLD)
FIRST = key_set(MIDDLE, version=1)
SECOND = key_set(NEW, EC, threshold=2, version=2)
TO_FIRST = state_keys("default", FIRST, (OLD,))
TO_SECOND = state_keys("default", SECOND, (MIDDLE,))
CHAIN = (TO_FIRST, TO_SECOND)


def statement(**changes):
    """The statement of FIRST with other members, in bytes."""
    written = {
        "apiVersion": "ascend.sidecar/v1",
        "kind": "KeySet",
        "name": "default",
        "version": 1,
        "threshold": 1,
        "keys": [MIDDLE.public.text],
    }
    return encode({name: value for name, value in (written | changes).items() if value is not None})


def step(body, *signers, kind=KEYS_TYPE):
    return seal(kind, body, signers or (OLD,))


@pytest.mark.parametrize("start", [ZERO, FIRST, SECOND], ids=["0", "1", "2"])
def test_the_chain_leads_from_each_set_to_the_newest(start):
    assert follow(CHAIN, start, "default") == SECOND


def test_without_steps_the_known_keys_are_in_force():
    assert follow((), ZERO, "default") == ZERO
    assert follow((TO_FIRST,), ZERO, "default") == FIRST


def test_a_step_may_leave_versions_out():
    assert follow((state_keys("default", SECOND, (OLD,)),), ZERO, "default") == SECOND


@pytest.mark.parametrize(
    ("why", "steps", "start", "end"),
    [
        ("signed by a foreign key", (state_keys("default", FIRST, (FOREIGN,)),), ZERO, ZERO),
        ("signed by nobody", (state_keys("default", FIRST, ()),), ZERO, ZERO),
        ("signed by the keys that it names", (state_keys("default", FIRST, (MIDDLE,)),), ZERO, ZERO),
        ("signed by the set before the last", (state_keys("default", SECOND, (OLD,)),), FIRST, FIRST),
        ("of another name", (state_keys("other", FIRST, (OLD,)),), ZERO, ZERO),
        ("of the same version", (TO_FIRST,), key_set(OLD, version=1), key_set(OLD, version=1)),
        ("of a lower version", (state_keys("default", FIRST, (NEW, EC)),), SECOND, SECOND),
        ("of another type", (step(statement(), kind="text/plain"),), ZERO, ZERO),
        ("far larger than keys are", (step(statement() + b" " * 65_536),), ZERO, ZERO),
        ("signed too few times", (state_keys("default", key_set(OLD, version=3), (NEW,)),), SECOND, SECOND),
        ("before one that leads to it", (TO_SECOND, TO_FIRST), ZERO, FIRST),
    ],
)
def test_a_step_is_none_that_is(why, steps, start, end):
    assert follow(steps, start, "default") == end


def test_steps_between_are_passed_over():
    strange = (
        state_keys("default", key_set(FOREIGN, version=9), (FOREIGN,)),
        state_keys("other", FIRST, (OLD,)),
    )
    assert follow((*strange, TO_FIRST, *strange, TO_SECOND, *strange), ZERO, "default") == SECOND


def test_the_threshold_of_the_set_before_must_sign_a_step():
    third = key_set(FOREIGN, version=3)
    assert follow((state_keys("default", third, (NEW, EC)),), SECOND, "default") == third


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b" " + statement(),
        statement(kind="Keys"),
        statement(apiVersion="ascend.sidecar/v2"),
        statement(name=None),
        statement(version=0),
        statement(version=2**31 + 1),
        statement(version="1"),
        statement(version=1.0),
        statement(threshold=0),
        statement(threshold=2),
        statement(threshold=10**18),
        statement(keys=[]),
        statement(keys=[MIDDLE.public.text] * 2),
        statement(keys=["AAAA"]),
        statement(keys=[key(seed).public.text for seed in range(17)]),
        statement(expires="never"),
    ],
)
def test_a_statement_that_trusted_keys_signed_but_nobody_can_use_condemns_the_bundle(body):
    with pytest.raises(MalformedBundle, match="set of keys"):
        follow((step(body),), ZERO, "default")
    assert follow((step(body, FOREIGN),), ZERO, "default") == ZERO


def test_a_step_that_is_no_base64_condemns_the_bundle():
    with pytest.raises(NotABundle):
        follow((msgspec.structs.replace(TO_FIRST, payload="?"),), ZERO, "default")


@pytest.mark.parametrize("start", [ZERO, FIRST, SECOND], ids=["0", "1", "2"])
def test_a_bundle_that_carries_the_chain_verifies_from_each_set(start):
    raw = signed(key=(NEW, EC), steps=CHAIN)
    verified = verify(raw, replace(trust(), keys=start), Floor(), NOW)
    assert verified.signed.keys_version == 2
    assert verified.signed.signers == tuple(sorted((NEW.public.id, EC.public.id)))


def test_without_its_chain_a_bundle_is_untrusted_by_hosts_that_know_old_keys():
    raw = signed(key=(NEW, EC))
    for known in ((OLD,), (MIDDLE,)):
        with pytest.raises(UntrustedBundle):
            verify(raw, trust(*known), Floor(), NOW)
    with pytest.raises(UntrustedBundle):
        verify(signed(key=(NEW, EC), steps=(TO_SECOND,)), trust(OLD), Floor(), NOW)


def test_old_keys_sign_nothing_once_a_bundle_names_newer_ones():
    with pytest.raises(UntrustedBundle):
        verify(signed(key=OLD, steps=CHAIN), trust(OLD), Floor(), NOW)


@pytest.mark.parametrize("steps", [(), (TO_FIRST,)], ids=["no chain", "half a chain"])
def test_old_keys_cannot_be_brought_back_by_leaving_steps_out(steps):
    signer = MIDDLE if steps else OLD
    raw = signed(revision=9, key=signer, steps=steps)
    assert verify(raw, trust(OLD), Floor(), NOW)
    rotated = verify(signed(key=(NEW, EC), steps=CHAIN), trust(OLD), Floor(), NOW)
    floor = Floor().after(rotated.signed, rotated.payload.digest)
    with pytest.raises(RolledBackBundle, match="version 2 was in force"):
        verify(raw, trust(OLD), floor, NOW)


def test_a_host_that_is_told_the_newer_keys_says_their_version():
    """trust.version: keys that come from the configuration stand where a chain would have led."""
    raw = signed(key=(NEW, EC))
    with pytest.raises(RolledBackBundle, match=r"trust\.version"):
        verify(raw, trust(NEW, EC, threshold=2), Floor(keys_version=2), NOW)
    assert verify(raw, trust(NEW, EC, threshold=2, version=2), Floor(keys_version=2), NOW)
