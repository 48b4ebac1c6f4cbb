"""`bundle push`, and signing by KMS: what does not verify or would roll hosts back is not put where they fetch it."""

import gzip

import pytest

from sidecar.adapters.aws.kms import open_kms_key
from sidecar.core.trust import parse_envelope
from tests.fakes.aws import aws, make_bucket, make_key, object_of
from tests.fakes.terminal import type_in
from tests.tools.workshop import done, trusting

BUCKET = "pushed"


@pytest.fixture(scope="module")
def server():
    with pytest.MonkeyPatch.context() as environment, aws(environment) as address:
        make_bucket(BUCKET)
        yield address


@pytest.fixture
def there(tmp_path):
    return tmp_path / "there.dsse"


def push(keys, bundle, place, *options, by="a"):
    return type_in("bundle", "push", bundle, place, *trusting(keys, by), *options)


def revision_at(keys, place):
    return done(type_in("bundle", "verify", place, *trusting(keys, "a", "b"), "--json")).json["revision"]


def test_a_bundle_is_put_where_it_is_wanted_byte_for_byte(built, keys, there):
    bundle = built(revision=2)
    told = done(push(keys, bundle, there, "--json")).json
    assert there.read_bytes() == bundle.read_bytes()
    assert told == {
        "destination": str(there),
        "name": "default",
        "revision": 2,
        "digest": done(type_in("bundle", "verify", bundle, *trusting(keys, "a"), "--json")).json["digest"],
        "bytes": bundle.stat().st_size,
    }


def test_a_gzip_of_it_has_one_form_and_is_read_like_it(built, keys, there):
    bundle = built()
    raws = []
    for _ in range(2):
        done(push(keys, bundle, there, "--gzip"))
        raws.append(there.read_bytes())
    assert raws[0] == raws[1]
    assert raws[0][4:8] == bytes(4), "RFC 1952: MTIME, of which 0 is none"
    assert gzip.decompress(raws[0]) == bundle.read_bytes()
    assert revision_at(keys, there) == 1
    done(type_in("policy", "test", there, *trusting(keys, "a")))


def test_what_does_not_verify_is_not_pushed_not_even_by_force(built, keys, there):
    for options in ((), ("--force",)):
        ran = push(keys, built(), there, *options, "--json", by="b")
        assert (ran.code, ran.json["ok"], ran.json["kind"]) == (1, False, "untrusted")
    assert not there.exists()


def test_a_newer_one_that_lies_there_stays(built, keys, there):
    done(push(keys, built(revision=7), there))
    ran = push(keys, built(revision=6), there)
    assert ran.code == 1
    assert ran.out.startswith(
        f"FAILED rolled_back: hosts that have what lies at {there} would refuse it: revision 6"
    )
    assert "--force" in ran.out
    assert revision_at(keys, there) == 7
    done(push(keys, built(revision=8), there))
    assert revision_at(keys, there) == 8
    done(push(keys, built(revision=6), there, "--force"))
    assert revision_at(keys, there) == 6


def test_an_expired_one_that_lies_there_still_counts(built, keys, there):
    old = built("--issued-at", "2020-01-01T00:00:00Z", revision=7)
    there.write_bytes(old.read_bytes())
    assert push(keys, built(revision=6), there).code == 1


def test_another_content_of_the_same_revision_stays(built, folder, keys, there):
    done(push(keys, built(revision=7), there))
    assert push(keys, built("--no-tests", revision=7), there).code == 1


def test_a_signed_downgrade_takes_the_place_of_a_newer_one(built, keys, there):
    done(push(keys, built("--issued-at", "2026-01-01T00:00:00Z", "--expires-in", "3650d", revision=7), there))
    done(push(keys, built("--allow-rollback-to", 5, revision=6), there))
    assert revision_at(keys, there) == 6


@pytest.mark.parametrize("held", [b"", b"<html>", b"{}", b"\x1f\x8b\x08"])
def test_what_is_no_bundle_there_is_replaced(built, keys, there, held):
    there.write_bytes(held)
    done(push(keys, built(), there))
    assert revision_at(keys, there) == 1


def test_one_there_that_others_signed_is_replaced(built, keys, there):
    there.write_bytes(built(revision=9, signers=("b",)).read_bytes())
    done(push(keys, built(revision=1), there))
    assert revision_at(keys, there) == 1


@pytest.mark.parametrize("place", ["https://policy.example/b", "s3://bucket", "s3://", "", "/", "-"])
def test_what_is_no_place_is_a_usage_error(built, keys, place):
    ran = push(keys, built(), place)
    assert (ran.code, ran.out) == (64, "")
    assert "DEST" in ran.err


def test_a_place_that_cannot_be_written_is_78(built, keys, tmp_path):
    ran = push(keys, built(), tmp_path / "none" / "b")
    assert (ran.code, ran.out) == (78, "")
    assert "cannot be written: No such file or directory" in ran.err


def test_it_goes_to_s3_with_the_same_care(server, built, keys):
    place = f"s3://{BUCKET}/one.dsse"
    done(push(keys, built(revision=7), place))
    assert push(keys, built(revision=6), place).code == 1
    newer = built(revision=8)
    done(push(keys, newer, place, "--gzip"))
    raw, told = object_of(BUCKET, "one.dsse")
    assert gzip.decompress(raw) == newer.read_bytes()
    assert told["ContentType"] == "application/vnd.dsse.envelope.v1+json"
    assert "ContentEncoding" not in told
    assert push(keys, built(revision=6), place).code == 1
    done(push(keys, built(revision=6), place, "--force"))
    assert object_of(BUCKET, "one.dsse")[0] == (keys / "b.dsse").read_bytes()


def test_s3_that_refuses_is_78_and_one_that_does_not_answer_69(server, built, keys, monkeypatch):
    ran = push(keys, built(), "s3://nobodys-bucket/b")
    assert (ran.code, ran.out) == (78, "")
    assert ran.err == (
        "ascend-sidecar: s3://nobodys-bucket/b: AWS says NoSuchBucket: The specified bucket does not exist\n"
    )
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    ran = push(keys, built(), f"s3://{BUCKET}/b")
    assert (ran.code, ran.out, ran.err.count("\n")) == (69, "", 1)


def test_a_key_in_kms_signs_what_hosts_then_verify(server, built, keys, folder):
    arn = make_key()
    out = built(signers=())
    assert out.stat().st_size > 4096
    told = done(type_in("bundle", "sign", out, "--kms", arn, "--key", keys / "a.key", "--json")).json
    assert (told["signatures"], len(told["signers"])) == (2, 2)
    assert {one.keyid for one in parse_envelope(out.read_bytes()).signatures} == set(told["signers"])
    assert type_in("bundle", "verify", out, *trusting(keys, "a")).code == 0
    again = done(type_in("bundle", "sign", out, "--kms", arn, "--json")).json
    assert again["signatures"] == 2


def test_hosts_can_move_from_keys_in_files_to_keys_in_kms(server, built, keys):
    arn, step = make_key(), keys / "step"
    public = open_kms_key(arn).public.text
    rotate = ("bundle", "rotate", "--next-pub", public, "--out", step)
    done(type_in(*rotate, "--version", 1, "--key", keys / "a.key"))
    out = built("--keys", step, signers=())
    done(type_in("bundle", "sign", out, "--kms", arn))
    assert done(type_in("bundle", "verify", out, *trusting(keys, "a"), "--json")).json["keys_version"] == 1
    done(type_in(*rotate, "--version", 2, "--kms", arn))


def test_kms_that_refuses_is_78_in_one_line_and_nothing_is_signed(server, built, monkeypatch):
    out = built(signers=())
    before = out.read_bytes()
    for key, why in ((make_key("RSA_2048"), "RSA_2048"), ("alias/none", "NotFoundException")):
        ran = type_in("bundle", "sign", out, "--kms", key)
        assert (ran.code, ran.out, ran.err.count("\n")) == (78, "", 1)
        assert why in ran.err
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert type_in("bundle", "sign", out, "--kms", "alias/none").code == 69
    assert out.read_bytes() == before
