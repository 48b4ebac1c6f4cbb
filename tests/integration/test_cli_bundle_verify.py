"""`bundle sign`, `verify` and `inspect`: who vouches for a bundle, and what is not taken for one."""

import time

import pytest

from sidecar.core.bundle import BUNDLE_TYPE
from sidecar.core.trust import parse_envelope, parse_public_key, seal, write_envelope
from sidecar.core.trust.rotation import KEYS_TYPE
from tests.fakes.terminal import type_in
from tests.tools.signing import DAY, KEY, key, signed
from tests.tools.workshop import done, trusting


def test_people_sign_one_after_another_until_there_are_enough(built, keys):
    out = built(signers=())
    both = trusting(keys, "a", "b", threshold=2)
    assert type_in("bundle", "verify", out, *both).code == 1
    done(type_in("bundle", "sign", out, "--key", keys / "a.key"))
    ran = type_in("bundle", "verify", out, *both)
    assert (ran.code, ran.err) == (1, "")
    assert ran.out.startswith(f"FAILED untrusted: {out}: 1 of the 2 trusted keys signed")
    done(type_in("bundle", "sign", out, "--key", keys / "b.key", "--out", keys / "both.dsse"))
    told = done(type_in("bundle", "verify", keys / "both.dsse", *both, "--json")).json
    assert (told["ok"], told["name"], told["revision"], len(told["signers"])) == (True, "default", 1, 2)
    assert type_in("bundle", "verify", out, *both).code == 1


def test_what_was_verified_is_told(built, keys):
    told = done(type_in("bundle", "verify", built(revision=7), *trusting(keys, "a"))).out
    assert told.startswith(f"ok {keys}/b.dsse: default revision 7\n")
    assert parse_public_key((keys / "a.pub").read_text()).id in told
    for word in ("issued at", "expires at", "audience", "digest", "files.yaml", "tests/files_test.yaml"):
        assert word in told


def test_a_key_may_be_given_as_its_text(built, keys):
    text = parse_public_key((keys / "a.pub").read_text()).text
    assert type_in("bundle", "verify", built(), "--pub", text).code == 0


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (("--issued-at", "2020-01-01T00:00:00Z", "--expires-in", "1d"), "expired"),
        (("--issued-at", "2096-01-01T00:00:00Z"), "not_yet_valid"),
        (("--audience", "prod"), "not_for_us"),
        (("--name", "other"), "not_for_us"),
        (("--min-daemon-version", "99.0.0"), "not_for_us"),
    ],
)
def test_what_no_host_would_take_does_not_verify(built, keys, options, kind):
    ran = type_in("bundle", "verify", built(*options), *trusting(keys, "a"), "--json")
    assert (ran.code, ran.json["ok"], ran.json["kind"]) == (1, False, kind)
    assert ran.json["problem"]


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"<html>", "not_a_bundle"),
        (b"", "not_a_bundle"),
        (b"{}", "not_a_bundle"),
        (write_envelope(seal("text/plain", b"x", [key(1)])), "wrong_payload_type"),
        (write_envelope(seal(BUNDLE_TYPE, b"{}", [key(1)])), "malformed"),
        (write_envelope(seal(BUNDLE_TYPE, b"{}", [key(2)])), "untrusted"),
    ],
)
def test_what_is_no_bundle_does_not_verify(raw, kind, tmp_path):
    (tmp_path / "x").write_bytes(raw)
    ran = type_in("bundle", "verify", tmp_path / "x", "--pub", key(1).public.text, "--json")
    assert (ran.code, ran.json["kind"]) == (1, kind)


def test_what_verifies_and_does_not_compile_is_not_taken_either(tmp_path):
    """As one that tools of another version have made."""
    now = float(int(time.time()))
    raw = signed("rules: [{id: x, efect: allow}]\n", issued_at=now, expires_at=now + DAY)
    (tmp_path / "x").write_bytes(raw)
    ran = type_in("bundle", "verify", tmp_path / "x", "--pub", KEY.public.text, "--json")
    assert (ran.code, ran.json["kind"]) == (1, "malformed")
    assert "policy.yaml#/0/rules/0" in ran.json["problem"]


def test_it_can_come_over_standard_input(built, keys):
    raw = built().read_bytes()
    assert type_in("bundle", "verify", "-", *trusting(keys, "a"), stdin=raw).code == 0
    signed = type_in("bundle", "sign", "-", "--key", keys / "b.key", stdin=raw)
    assert len(parse_envelope(done(signed).out.encode()).signatures) == 2


def test_whom_to_trust_comes_from_the_config_where_nothing_is_typed(built, keys):
    out = built("--audience", "prod")
    config = keys / "config.yaml"
    config.write_text(f"trust: {{keys: [{keys}/a.pub], audience: [prod]}}\n")
    environ = {"ASCEND_SIDECAR_CONFIG": str(config)}
    assert type_in("bundle", "verify", out, environ=environ).code == 0
    assert type_in("bundle", "verify", out, "--pub", keys / "a.pub", environ=environ).code == 0
    assert type_in("bundle", "verify", out, "--pub", keys / "b.pub", environ=environ).code == 1
    assert type_in("bundle", "verify", out, "--audience", "test", environ=environ).code == 1
    assert type_in("bundle", "verify", out, "--name", "other", environ=environ).code == 1
    assert type_in("bundle", "verify", out, "--threshold", 2, environ=environ).code == 64
    config.write_text(f"trust: {{keys: [{keys}/a.pub], audience: [prod], min_revision: 2}}\n")
    assert type_in("bundle", "verify", out, environ=environ).code == 1
    assert type_in("bundle", "verify", out, "--pub", keys / "a.pub", environ=environ).code == 1


@pytest.mark.parametrize("verb", ["verify", "inspect"])
def test_without_anybody_to_trust_nothing_is_verified(built, verb):
    ran = type_in("bundle", verb, built())
    assert (ran.code, ran.out) == (64, "")
    assert "no keys to verify by: give --pub KEY, or set trust.keys" in ran.err


def test_only_a_bundle_or_a_step_is_signed(tmp_path, keys):
    for raw in (
        b"{}",
        write_envelope(seal("text/plain", b"x", [])),
        write_envelope(seal(BUNDLE_TYPE, b"{}", [])),
        write_envelope(seal(KEYS_TYPE, b"{}", [])),
    ):
        (tmp_path / "x").write_bytes(raw)
        ran = type_in("bundle", "sign", tmp_path / "x", "--key", keys / "a.key")
        assert (ran.code, ran.out) == (78, "")
        assert (tmp_path / "x").read_bytes() == raw


@pytest.mark.parametrize("held", ["a.pub", "b.dsse", "nothing"])
def test_what_is_no_private_key_is_named_and_never_shown(built, keys, held):
    built()
    ran = type_in("bundle", "sign", keys / "b.dsse", "--key", keys / held)
    assert (ran.code, ran.out) == (64, "")
    assert f"--key {keys}/{held}: " in ran.err
    assert (keys / "a.pub").read_text().splitlines()[1] not in ran.err


def test_a_private_key_is_not_taken_for_a_public_one(built, keys):
    ran = type_in("bundle", "verify", built(), "--pub", keys / "a.key")
    assert ran.code == 64
    assert (keys / "a.key").read_text().splitlines()[1] not in ran.err


def test_a_bundle_is_verified_before_it_is_shown(built, keys):
    out = built(revision=5)
    told = done(type_in("bundle", "inspect", out, *trusting(keys, "a"), "--json")).json
    assert (told["verified"], told["revision"], told["rules"]) == (True, 5, 1)
    assert {one["file"] for one in told["files"]} == {
        *("files.yaml", "data/risk.yaml", "data/masking.yaml", "tests/files_test.yaml")
    }
    assert all(one["bytes"] > 0 and len(one["sha256"]) == 64 for one in told["files"])
    ran = type_in("bundle", "inspect", out, *trusting(keys, "b"))
    assert ran.code == 1
    assert ran.out.startswith("FAILED untrusted: ")
    assert "revision" not in ran.out


def test_an_unverified_bundle_is_shown_only_on_demand_and_with_a_warning(built, keys):
    out = built(signers=())
    ran = done(type_in("bundle", "inspect", out, "--insecure-unverified", "--json"))
    assert (ran.json["verified"], ran.json["claimed_signers"]) == (False, [])
    assert "NOT VERIFIED" in ran.err
    shown = done(type_in("bundle", "inspect", out, "--insecure-unverified"))
    assert "files.yaml" in shown.out
    assert "NOT VERIFIED" in shown.err


def test_unverified_or_not_it_must_be_a_bundle(tmp_path):
    (tmp_path / "x").write_bytes(write_envelope(seal("text/plain", b"x", [])))
    ran = type_in("bundle", "inspect", tmp_path / "x", "--insecure-unverified", "--json")
    assert (ran.code, ran.json["kind"]) == (1, "wrong_payload_type")
