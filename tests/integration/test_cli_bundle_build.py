"""`bundle keygen` and `bundle build`: keys that are made once, and one content in one form."""

import stat
import time
from datetime import datetime

import pytest

from sidecar.core.bundle import BUNDLE_TYPE
from sidecar.core.trust import parse_envelope, parse_public_key
from tests.fakes.terminal import type_in
from tests.tools.rewriting import rewrite
from tests.tools.workshop import RULES, TESTS, done, trusting

EPOCH = 1_767_225_600  # 2026-01-01T00:00:00Z


def test_a_key_pair_is_made_and_its_line_is_what_hosts_trust(tmp_path):
    told = done(type_in("bundle", "keygen", "release", "--out-dir", tmp_path / "new", "--json")).json
    public = parse_public_key((tmp_path / "new/release.pub").read_text())
    assert (told["id"], told["public"]) == (public.id, public.text)
    assert stat.S_IMODE((tmp_path / "new/release.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    (line,) = [
        one
        for one in done(type_in("bundle", "keygen", "b", "--out-dir", tmp_path)).out.splitlines()
        if "trust" in one
    ]
    assert parse_public_key(line.split()[1]) == parse_public_key((tmp_path / "b.pub").read_text())


@pytest.mark.parametrize("there", ["a.key", "a.pub"])
def test_a_key_is_never_overwritten_and_no_half_of_a_pair_stays(tmp_path, there):
    (tmp_path / there).write_text("mine")
    ran = type_in("bundle", "keygen", "a", "--out-dir", tmp_path)
    assert (ran.code, ran.out) == (78, "")
    assert f"{tmp_path / there} is there already, and is never overwritten" in ran.err
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(there, "mine")]


@pytest.mark.parametrize("name", ["a/b", "..", "", "."])
def test_a_key_is_named_and_not_placed(name, tmp_path):
    assert type_in("bundle", "keygen", name, "--out-dir", tmp_path).code == 64


def test_two_builds_are_equal_whatever_the_files_look_like(folder, tmp_path):
    rewrite(folder, tmp_path / "copy")
    outs = []
    for place in (folder, folder, tmp_path / "copy"):
        outs.append(tmp_path / str(len(outs)))
        ran = type_in(
            *(
                "bundle",
                "build",
                place,
                "--revision",
                3,
                "--out",
                outs[-1],
                "--audience",
                "b",
                "--audience",
                "a",
            ),
            environ={"SOURCE_DATE_EPOCH": str(EPOCH)},
        )
        assert "unsigned; sign it with `ascend-sidecar bundle sign" in done(ran).out
    assert len({out.read_bytes() for out in outs}) == 1


@pytest.mark.parametrize(
    ("options", "environ", "issued", "expires"),
    [
        ((), {"SOURCE_DATE_EPOCH": str(EPOCH)}, "2026-01-01T00:00:00Z", "2026-01-31T00:00:00Z"),
        (
            ("--issued-at", "2026-01-01T02:00:00.7+02:00"),
            {"SOURCE_DATE_EPOCH": "5"},
            "2026-01-01T00:00:00Z",
            None,
        ),
        (("--issued-at", EPOCH, "--expires-in", "90s"), {}, "2026-01-01T00:00:00Z", "2026-01-01T00:01:30Z"),
        (
            ("--issued-at", EPOCH, "--expires-at", "2027-01-01T00:00:00Z"),
            {},
            "2026-01-01T00:00:00Z",
            "2027-01-01T00:00:00Z",
        ),
    ],
)
def test_its_times_are_what_was_said(folder, tmp_path, options, environ, issued, expires):
    built = type_in(
        *("bundle", "build", folder, "--revision", 3, "--out", tmp_path / "b", "--json", *options),
        environ=environ,
    )
    assert done(built).json["issued_at"] == issued
    assert expires in (None, built.json["expires_at"])


def test_without_a_time_it_is_issued_now_to_the_second(built, keys):
    before = int(time.time())
    told = type_in("bundle", "inspect", built(), *trusting(keys, "a"), "--json").json
    issued = datetime.fromisoformat(told["issued_at"])
    assert issued.microsecond == 0
    assert before <= issued.timestamp() <= time.time()


def test_what_is_said_of_it_stands_in_it(built, keys):
    out = built(
        *(
            "--audience",
            "prod",
            "--audience",
            "eu",
            "--min-daemon-version",
            "0.1.0",
            "--allow-rollback-to",
            2,
        ),
        revision=4,
    )
    told = type_in("bundle", "verify", out, *trusting(keys, "a"), "--audience", "eu", "--json").json
    assert told["audience"] == ["eu", "prod"]
    assert (told["revision"], told["allow_rollback_to"], told["min_daemon_version"]) == (4, 2, "0.1.0")


def test_the_tests_can_be_left_out(built, keys):
    assert done(type_in("policy", "test", built(), *trusting(keys, "a"))).out.startswith("passed 1 of 1")
    assert type_in("policy", "test", built("--no-tests"), *trusting(keys, "a")).code == 1


def test_a_mistake_in_a_policy_has_its_place_and_nothing_is_written(folder, tmp_path):
    (folder / "files.yaml").write_text(RULES.replace("effect: allow", "efect: allow"))
    ran = type_in("bundle", "build", folder, "--revision", 1, "--out", tmp_path / "b.dsse")
    assert (ran.code, ran.out) == (78, "")
    assert f"{folder}/files.yaml:7:5: unknown key `efect` (did you mean `effect`?)" in ran.err
    assert not (tmp_path / "b.dsse").exists()


def test_a_mistake_in_a_test_has_its_place_too(folder, tmp_path):
    (folder / "tests/files_test.yaml").write_text(TESTS.replace("verdict", "verdit"))
    ran = type_in("bundle", "build", folder, "--revision", 1, "--out", tmp_path / "b.dsse")
    assert ran.code == 78
    assert f"{folder}/tests/files_test.yaml:6:14: unknown key `verdit`" in ran.err


def test_the_envelope_can_go_to_standard_output_and_words_then_go_elsewhere(folder):
    ran = done(type_in("bundle", "build", folder, "--revision", 1, "--out", "-"))
    assert parse_envelope(ran.out.encode()).payload_type == BUNDLE_TYPE
    assert "unsigned" in ran.err


@pytest.mark.parametrize(
    "options",
    [
        ("--revision", 0),
        ("--revision", 1, "--name", "a b"),
        ("--revision", 1, "--expires-in", "soon"),
        ("--revision", 1, "--expires-in", "1ms"),
        ("--revision", 1, "--expires-in", "999999999d"),
        ("--revision", 1, "--expires-in", "1d", "--expires-at", "2027-01-01T00:00:00Z"),
        ("--revision", 1, "--expires-at", "2020-01-01T00:00:00Z"),
        ("--revision", 1, "--issued-at", "2026-01-01"),
        ("--revision", 1, "--issued-at", "9" * 30),
        ("--revision", 1, "--min-daemon-version", "new"),
        ("--revision", 1, "--audience", ""),
        ("--revision", 1, "--allow-rollback-to", 0),
        ("--revision", 2**60),
        ("--revision", 1, "--key", "/nowhere"),
        ("--revision", 1, "--keys", "/nowhere"),
        ("--revision", 1, "--out", "-", "--json"),
        (),
    ],
)
def test_what_cannot_be_built_is_a_usage_error(folder, tmp_path, options):
    ran = type_in("bundle", "build", folder, "--out", tmp_path / "b.dsse", *options)
    assert (ran.code, ran.out) == (64, "")
    assert not (tmp_path / "b.dsse").exists()


def test_an_option_that_is_wrong_is_named(folder, tmp_path):
    for option, value in (("--name", "a b"), ("--min-daemon-version", "new"), ("--audience", "")):
        ran = type_in("bundle", "build", folder, "--revision", 1, "--out", tmp_path / "b", option, value)
        assert f"{option}: " in ran.err


def test_a_file_whose_name_cannot_be_signed_is_found_in_its_folder(folder, tmp_path):
    (folder / "a\nb.yaml").write_text(RULES.replace("reads", "others"))
    ran = type_in("bundle", "build", folder, "--revision", 1, "--out", tmp_path / "b.dsse")
    assert (ran.code, ran.out) == (78, "")
    assert f"{folder}/a\\nb.yaml" in ran.err
    assert not (tmp_path / "b.dsse").exists()
