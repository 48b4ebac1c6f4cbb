"""Verification: a refusal for each of its steps, and what passes just beside it. Step 9 is test_bundle_floor.py."""

from datetime import UTC, datetime
from hashlib import sha256

import msgspec
import pytest

from sidecar.core import canonical
from sidecar.core.bundle import Floor, compile_bundle, verify
from sidecar.core.bundle.verify import DEFAULT_SKEW
from sidecar.core.errors import (
    ExpiredBundle,
    MalformedBundle,
    NotABundle,
    NotForUs,
    NotYetValidBundle,
    RolledBackBundle,
    UntrustedBundle,
    WrongPayloadType,
)
from sidecar.core.trust.rotation import state_keys
from tests.tools.signing import DAY, ISSUED, KEY, NOW, ec_key, key, key_set, payload, sealed, signed, trust

ONE, TWO, THREE = key(1), key(2), ec_key(3)
BODY = payload()
DIGEST = verify(sealed(BODY), trust(), Floor(), NOW).payload.digest


def check(raw, trusted=None, floor=Floor(), now=NOW):
    return verify(raw, trusted or trust(), floor, now)


def refused(error, match, raw, trusted=None, floor=Floor(), now=NOW):
    with pytest.raises(error, match=match):
        check(raw, trusted, floor, now)


def edited(**changes):
    """The payload with other members, in its one form; `...` leaves a member out."""
    members = canonical.decode(BODY) | changes
    return canonical.encode({name: value for name, value in members.items() if value is not ...})


def test_a_good_bundle_says_who_signed_what():
    verified = check(signed(revision=7, audience=("a", "b")), trust(audience=frozenset({"b"})))
    assert verified.signed.signers == (KEY.public.id,)
    assert (verified.signed.revision, verified.header.revision) == (7, 7)
    assert (verified.signed.issued_at, verified.signed.expires_at) == (ISSUED, ISSUED + 30 * DAY)
    assert (verified.signed.keys_version, verified.signed.allow_rollback_to) == (0, None)


def test_a_good_bundle_compiles_to_what_decides():
    bundle = compile_bundle(check(sealed(BODY)), "https://example.com/bundle")
    assert (bundle.name, bundle.revision, bundle.digest) == ("default", "1", DIGEST)
    assert bundle.source == "https://example.com/bundle"
    assert bundle.policies.rule_ids == ("reads",)
    assert bundle.expires_at == ISSUED + 30 * DAY


def test_1_what_is_no_envelope_is_refused():
    refused(NotABundle, "no DSSE envelope", BODY)
    refused(NotABundle, "no DSSE envelope", sealed(BODY)[:-1])


def test_2_signed_steps_lead_to_the_keys_in_force():
    steps = (state_keys("default", key_set(TWO, version=1), (ONE,)),)
    assert check(signed(key=TWO, steps=steps), trust(ONE)).signed.keys_version == 1
    refused(UntrustedBundle, "key set version 1", signed(key=ONE, steps=steps), trust(ONE))
    foreign = (state_keys("other", key_set(TWO, version=1), (ONE,)),)
    refused(UntrustedBundle, "key set version 0", signed(key=TWO, steps=foreign), trust(ONE))


def test_3_keys_below_a_version_that_was_in_force_are_refused():
    floor = Floor(keys_version=1)
    refused(RolledBackBundle, "version 0, but version 1", signed(revision=9), trust(), floor)
    assert check(signed(), trust(version=1), floor)
    assert check(signed(), trust(version=2), floor)


def test_4_a_payload_that_was_changed_is_refused():
    envelope = msgspec.json.decode(sealed(BODY))
    for changed in (BODY.replace(b"allow", b"deny"), BODY + b" ", BODY[:-1], b""):
        forged = envelope | {"payload": msgspec.json.decode(sealed(changed))["payload"]}
        refused(UntrustedBundle, "0 of the 1 trusted keys", msgspec.json.encode(forged))


def test_4_a_bundle_of_another_key_is_refused():
    refused(UntrustedBundle, "0 of the 1 trusted keys", signed(key=TWO))


@pytest.mark.parametrize("signers", [(ONE, TWO), (TWO, THREE), (THREE, ONE), (ONE, TWO, THREE)])
def test_4_two_of_three_keys_are_enough_where_two_must_sign(signers):
    verified = check(signed(key=signers), trust(ONE, TWO, THREE, threshold=2))
    assert verified.signed.signers == tuple(sorted(signer.public.id for signer in signers))


@pytest.mark.parametrize("signers", [(ONE,), (THREE,), (ONE, ONE, ONE), (TWO, key(9), key(8))])
def test_4_fewer_are_not(signers):
    refused(UntrustedBundle, "1 of the 3 .*2 must", signed(key=signers), trust(ONE, TWO, THREE, threshold=2))


def test_5_what_was_signed_as_something_else_is_refused():
    for kind in ("application/vnd.ascend-sidecar.keys+json", "application/json", ""):
        refused(WrongPayloadType, "the signed type is", sealed(BODY, kind=kind))


PAYLOADS = {
    "no JSON": b"policies: []",
    "no object": b"[]",
    "white space": BODY + b"\n",
    "order": BODY.replace(b'{"allow_rollback_to":null,', b"{", 1)[:-1] + b',"allow_rollback_to":null}',
    "twice": BODY.replace(b'"kind":"Bundle"', b'"kind":"Bundle","kind":"Bundle"'),
    "twice, otherwise": BODY.replace(b'"kind":"Bundle"', b'"kind":"Bundle","\\u006bind":"Bundle"'),
    "unknown": edited(comment="x"),
    "missing": edited(audience=...),
    "missing default": edited(min_daemon_version=...),
    "kind": edited(kind="KeySet"),
    "language": edited(apiVersion="ascend.sidecar/v2"),
    "bundle name": edited(name="../x"),
    "revision 0": edited(revision=0),
    "revision 2^53": edited(revision=2**53),
    "revision 1.0": edited(revision=1.0),
    "revision true": edited(revision=True),
    "rollback 0": edited(allow_rollback_to=0),
    "nobody": edited(audience=[]),
    "empty label": edited(audience=[""]),
    "version": edited(min_daemon_version="1.2"),
    "version line": edited(min_daemon_version="1.2.0\n"),
    "no zone": edited(issued_at="2026-01-01T00:00:00"),
    "zero offset": edited(issued_at="2026-01-01T00:00:00+00:00"),
    "fraction": edited(issued_at="2026-01-01T00:00:00.000Z"),
    "epoch": edited(issued_at=1767225600),
    "file in a folder": edited(policies={"../policy.yaml": []}),
    "test elsewhere": edited(tests={"policy_test.yaml": []}),
    "table in a folder": edited(data={"../x": {}}),
    "policies as list": edited(policies=[]),
}


@pytest.mark.parametrize("name", PAYLOADS)
def test_6_a_payload_in_any_other_form_is_refused(name):
    refused(MalformedBundle, "payload", sealed(PAYLOADS[name]))


@pytest.mark.parametrize("field", ["issued_at", "expires_at"])
@pytest.mark.parametrize("moment", ["2026-01-01T02:00:00+02:00", "9999-12-31T23:59:59-01:00"])
def test_6_times_are_written_in_utc(field, moment):
    refused(MalformedBundle, f"payload#/{field}: a time is written in UTC", sealed(edited(**{field: moment})))


DIGESTS = canonical.decode(BODY)["digests"]


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("policy.yaml", {"policies": {"policy.yaml": []}}),
        ("other.yaml", {"policies": canonical.decode(BODY)["policies"] | {"other.yaml": []}}),
        ("policy.yaml", {"policies": {}}),
        ("data/masking.yaml", {"data": canonical.decode(BODY)["data"] | {"masking": {}}}),
        ("data/staff.yaml", {"data": canonical.decode(BODY)["data"] | {"staff": {}}}),
        ("tests/a_test.yaml", {"tests": {"tests/a_test.yaml": []}}),
        ("policy.yaml", {"digests": DIGESTS | {"policy.yaml": "0" * 64}}),
        ("policy.yaml", {"digests": {n: d for n, d in DIGESTS.items() if n != "policy.yaml"}}),
        ("ghost.yaml", {"digests": DIGESTS | {"ghost.yaml": "0" * 64}}),
    ],
)
def test_6_every_file_has_its_digest_and_every_digest_its_file(name, changes):
    refused(MalformedBundle, f"{name}: does not have the digest", sealed(edited(**changes)))


def test_6_files_that_are_deep_or_no_lists_are_refused_by_name():
    deep = b"[" * 40 + b"]" * 40
    for content, reason in ((deep, "too deep"), (b"{}", "a list of documents"), (b'{"b":1,"a":2}', "order")):
        refused(MalformedBundle, f"odd.yaml: .*{reason}", sealed(with_file("odd.yaml", content)))


def with_file(name, content):
    """A payload with one more file, of these bytes, under their right digest."""
    members = {
        key: msgspec.Raw(value)
        for key, value in msgspec.json.decode(BODY, type=dict[str, msgspec.Raw]).items()
    }
    for member, value in (("policies", msgspec.Raw(content)), ("digests", sha256(content).hexdigest())):
        members[member] = msgspec.json.decode(members[member], type=dict[str, msgspec.Raw]) | {name: value}
    return msgspec.json.encode(members, order="sorted")


def test_6_a_large_file_reads_back_like_a_small_one():
    people = {f"person-{number}": {"groups": ["x" * 100_000], "uid": number} for number in range(3)}
    raw = signed(files={"data/staff.yaml": msgspec.json.encode(people).decode()})
    assert compile_bundle(check(raw), "x").data.lookup("staff", "person-2") == people["person-2"]


def test_7_a_bundle_of_another_name_is_refused():
    refused(NotForUs, "called `staging`; trust.name is `default`", signed(name="staging"))
    assert check(signed(name="staging"), trust(name="staging"))


@pytest.mark.parametrize(
    ("audience", "labels"),
    [
        (("*",), ()),
        (("*",), ("eu",)),
        (("eu",), ("eu", "web")),
        (("us", "web"), ("eu", "web")),
        (("a", "*"), ()),
    ],
)
def test_7_a_bundle_for_one_of_our_labels_or_for_anyone_is_ours(audience, labels):
    assert check(signed(audience=audience), trust(audience=frozenset(labels)))


@pytest.mark.parametrize(
    ("audience", "labels"),
    [(("eu",), ()), (("eu",), ("us",)), (("eu", "web"), ("e", "EU")), (("eu",), ("*",))],
)
def test_7_a_bundle_for_other_hosts_is_refused(audience, labels):
    refused(NotForUs, r"trust\.audience", signed(audience=audience), trust(audience=frozenset(labels)))


@pytest.mark.parametrize(
    ("needed", "ours"),
    [("0.1.0", "0.1.0"), ("0.0.99", "0.1.0"), ("0.9.0", "0.10.0"), ("0.1.0", "0.1.0.post1")],
)
def test_7_a_bundle_for_this_version_or_older_ones_is_ours(needed, ours):
    assert check(signed(min_daemon_version=needed), trust(daemon_version=ours))


@pytest.mark.parametrize("version", ["0.1.1", "0.10.0", "1.0.0"])
def test_7_a_bundle_for_a_newer_daemon_is_refused(version):
    raw = signed(min_daemon_version=version)
    refused(NotForUs, f"needs version {version}, this is 0.1.0", raw)
    refused(NotForUs, f"needs version {version}, this is 0.1.0", raw, trust(daemon_version="0.1.0"))
    assert check(raw, trust(daemon_version="1.0.0"))


def test_8_a_bundle_from_the_future_is_refused_unless_clocks_may_differ_by_as_much():
    raw = signed()
    refused(NotYetValidBundle, "61 s from now", raw, now=ISSUED - DEFAULT_SKEW - 1)
    assert check(raw, now=ISSUED - DEFAULT_SKEW)
    refused(NotYetValidBundle, "clocks may differ by 0 s", raw, trust(skew=0.0), now=ISSUED - 1)
    assert check(raw, trust(skew=0.0), now=ISSUED)


def test_8_a_bundle_is_over_at_the_very_second_that_it_names():
    end = ISSUED + 30 * DAY
    assert check(signed(), now=end - 0.001)
    refused(ExpiredBundle, "expired at 2026-01-31T00:00:00", signed(), now=end)
    refused(ExpiredBundle, "expired", signed(), now=end + DAY)


@pytest.mark.parametrize("lasting", [0.0, -1.0, -DAY])
def test_8_a_bundle_that_expires_before_it_was_issued_is_refused_at_any_time(lasting):
    raw = signed(expires_at=ISSUED + lasting)
    for now in (ISSUED + lasting - 1, ISSUED, NOW):
        refused(MalformedBundle, "expires before", raw, now=now)


def test_8_the_ends_of_the_calendar_are_times():
    eternal = signed(issued_at=datetime.min.replace(tzinfo=UTC), expires_at=datetime.max.replace(tzinfo=UTC))
    assert check(eternal)
    last = signed(issued_at=datetime(9999, 12, 31, tzinfo=UTC), expires_at=datetime.max.replace(tzinfo=UTC))
    refused(NotYetValidBundle, "9999", last)
