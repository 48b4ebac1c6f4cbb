"""Masking with the default table: what is masked, and what is not."""

import json
from pathlib import Path

import msgspec
import pytest

from sidecar.core.document import DocumentError, parse_documents, read
from sidecar.core.masking import Masker, MaskTable

PATH = Path(__file__).parents[2] / "policies" / "data" / "masking.yaml"
RAW = PATH.read_bytes()


def table(raw: bytes = RAW) -> MaskTable:
    return read(parse_documents("data/masking.yaml", raw)[0], MaskTable)


MASKER = Masker(table(), b"k" * 32)
SECRETS = {
    "AWS key id": "AKIAIOSFODNN7EXAMPLE",
    "bearer token": "mF_9.B5f-4.1JqM",
    "JSON web token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "GitHub token": "ghp_" + "a1" * 18,
    "GitLab token": "glpat-" + "a1" * 10,
    "Slack token": "xoxb-1234567890-abcdef",
    "platform key": "sk-proj-" + "a1" * 12,
    "live key": "sk_live_" + "a1" * 12,
    "card number": "4111 1111 1111 1111",
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_a_secret_in_a_value_is_masked_and_the_rest_of_the_value_stays(secret):
    masked = MASKER.mask(f"before Bearer {secret}, after")
    assert secret not in masked
    assert masked.startswith("before Bearer masked:hmac:")
    assert masked.endswith(", after")


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("https://user:hunter2@host/", "hunter2"),
        ("PGPASSWORD=hunter2 psql", "hunter2"),
        ("mysql --password hunter2 -u x", "hunter2"),
        ('{"api_key": "hunter2"}', "hunter2"),
        ("q?token=hunter2&x=1", "hunter2"),
        ("Authorization: Basic dXNlcjpodW50ZXIy", "dXNlcjpodW50ZXIy"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "MIIE"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE", "MIIE"),
        ("of 078-05-1120.", "05-1120"),
    ],
)
def test_secrets_are_found_by_what_stands_around_them(text, secret):
    assert secret not in MASKER.mask(text)


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "db_password",
        "userPassword",
        "API_KEY",
        "x-api-key",
        "apiKey",
        "accessToken",
        "Cookie",
        "ssn",
    ],
)
def test_a_value_under_a_secret_name_is_masked_whatever_it_is(name):
    for value in ("x", 7, [1], {"a": "b"}):
        assert MASKER.mask({name: value})[name].startswith("masked:hmac:")


def test_nothing_and_truth_under_a_secret_name_stay():
    value = {"password": None, "secret": True}
    assert MASKER.mask(value) is value


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        "",
        None,
        True,
        1.5,
        10**15,
        {"max_tokens": 4096, "token_count": 7, "secret_name": "db/prod"},
        {"amount": 1200, "tags": ["a", "b"], "nested": {"path": "/srv/data/customers.csv"}},
        "4111 1111 1111 1112",
        "2026-01-31T09:00:00.000000Z",
        "555-12-34567",
        "https://host:8080/path",
        "basic understanding of tokens",
        "monkey business",
    ],
)
def test_a_value_without_secrets_is_the_very_same_object(value):
    assert MASKER.mask(value) is value


def test_what_is_given_is_never_changed():
    value = {"nested": [{"password": "x"}, "AKIAIOSFODNN7EXAMPLE"]}
    before = json.dumps(value)
    masked = MASKER.mask(value)
    assert json.dumps(value) == before
    assert masked["nested"][0]["password"] != "x"
    assert "AKIA" not in masked["nested"][1]


def test_equal_secrets_have_equal_masks_under_one_key_and_others_under_another():
    assert MASKER.mask({"password": "x"}) == MASKER.mask({"password": "x"}) != MASKER.mask({"password": "y"})
    assert Masker(table(), b"other").mask({"password": "x"}) != MASKER.mask({"password": "x"})
    assert MASKER.mask({"password": "x"})["password"] == f"masked:{MASKER.digest(b'x')}"


def test_masking_twice_masks_once():
    once = MASKER.mask("token=ghp_" + "a1" * 18)
    assert MASKER.mask(once) == once


def test_a_value_that_is_too_long_becomes_its_size_and_digest():
    text = "ä" * 5000
    assert MASKER.mask({"a": text}) == {"a": {"size": 10000, "digest": MASKER.digest(text.encode())}}


def test_a_card_number_is_found_among_integers():
    assert MASKER.mask([4111111111111111])[0].startswith("masked:hmac:")
    assert MASKER.mask([4111111111111112]) == [4111111111111112]


def test_a_secret_is_found_after_many_other_values_have_been_seen():
    masker = Masker(table(), b"k")
    for n in range(10_000):
        assert masker.is_plain({f"name{n}": f"harmless value {n}"})
    assert not masker.is_plain({"password": "x"})
    assert not masker.is_plain("AKIAIOSFODNN7EXAMPLE")


def test_several_values_are_plain_only_together():
    assert MASKER.is_plain({"a": "harmless"}, "harmless too", [])
    assert not MASKER.is_plain({"a": "harmless"}, {"password": "x"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ((b"regex: 'eyJ", b"regex: '(eyJ"), "no regular expression"),
        ((b"regex: 'eyJ", b"regex: 'a{99999999999}eyJ"), "no regular expression"),
        ((b"regex: 'eyJ", b"regex: '" + b"(" * 5000 + b")" * 5000 + b"eyJ"), "no regular expression"),
        ((b'hints: ["eyJ"]', b'hints: [""]'), "empty string"),
        ((b"regex: 'eyJ", b"regex: '.*|eyJ"), "empty string"),
        ((b"longest: 4096", b"longest: 1"), "from 64 to 16384"),
        ((b"  - password\n", b'  - "--"\n'), "has no word"),
        ((b"keys:", b"names:"), "unknown key"),
    ],
)
def test_a_broken_table_is_refused_with_its_place(change, message):
    assert RAW.count(change[0]) == 1
    with pytest.raises(DocumentError, match=message) as caught:
        table(RAW.replace(*change))
    assert all(diagnostic.place.line > 0 for diagnostic in caught.value.diagnostics)


def test_a_table_without_patterns_masks_by_names_alone():
    masker = Masker(msgspec.structs.replace(table(), patterns=()), b"k")
    assert masker.mask("AKIAIOSFODNN7EXAMPLE") == "AKIAIOSFODNN7EXAMPLE"
    assert masker.mask({"password": "x"})["password"] != "x"
