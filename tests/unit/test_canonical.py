"""The one byte form: what it looks like, and that every other spelling of a value is refused."""

from datetime import UTC, datetime

import msgspec
import pytest

from sidecar.core.canonical import MAX_DEPTH, NotCanonical, decode, decode_as, encode

LARGE = "x" * 70_000


def nested(value, depth):
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "raw"),
    [
        ({"b": 1, "a": {"c": {}, "d": []}}, b'{"a":{"c":{},"d":[]},"b":1}'),
        (
            {"\uffff": 1, "\U00010000": 2, "a": 3, "": 4, "Z": 5},
            '{"":4,"Z":5,"a":3,"\uffff":1,"\U00010000":2}',
        ),
        ([1, 1.0, -0.0, 1e22, 0.1, True, None], b"[1,1.0,-0.0,1e22,0.1,true,null]"),
        ([2**63 - 1, -(2**63)], b"[9223372036854775807,-9223372036854775808]"),
        ('é"\\\n\x01/', '"é\\"\\\\\\n\\u0001/"'),
    ],
)
def test_a_value_has_one_form(value, raw):
    raw = raw if isinstance(raw, bytes) else raw.encode()
    assert encode(value) == raw
    assert repr(decode(raw)) == repr(dict(sorted(value.items())) if isinstance(value, dict) else value)


@pytest.mark.parametrize(
    "raw",
    [
        b" 1",
        b"1 ",
        b"1\n",
        b'{"a": 1}',
        b'{"a":1,}',
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":1}}',
        b'{"\\u0061":1}',
        b'"\\u00e9"',
        b'"\\/"',
        b'"\\u000a"',
        b'"\\ud800"',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b"1.00",
        b"1e0",
        b"1E22",
        b"1e+22",
        b"10e21",
        b"-0",
        b"0.10",
        b"01",
        b"NaN",
        b"1e400",
        b"9223372036854775808",
        b"-9223372036854775809",
        b"18446744073709551616",
        b"9" * 5000,
        b"\xef\xbb\xbf1",
        b"1 2",
        b"'a'",
    ],
)
def test_any_other_form_is_refused_in_small_values_and_inside_large_ones(raw):
    spellings = (raw, b"[" + raw + b"]", b'["' + LARGE.encode() + b'",' + raw + b"]")
    for spelling in spellings:
        with pytest.raises(NotCanonical):
            decode(spelling)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"b":"%s","a":1}',
        b'{"a":"%s","a":1}',
        b'{"a":"%s", "b":1}',
        b'{"a":"%s","\\u0062":1}',
        b'["%s" ,1]',
        b' ["%s"]',
        b'["%s"] ',
        b'["%s"',
        b'["%s",{"a":1,"a":1}]',
        b'[["%s",{"b":1,"a":1}]]',
        b'["%s\\/"]',
    ],
)
def test_any_other_form_of_a_large_value_is_refused(raw):
    with pytest.raises(NotCanonical):
        decode(raw.replace(b"%s", LARGE.encode()))


@pytest.mark.parametrize(
    "value", [2**63, -(2**63) - 1, 2**64, 10**400, float("nan"), float("inf"), "\ud800", {1: 2}, object()]
)
def test_what_json_or_64_bits_cannot_hold_has_no_form(value):
    for one in (value, [value], {"a": [value]}):
        with pytest.raises(NotCanonical):
            encode(one)


@pytest.mark.parametrize(
    ("leaf", "own"),
    [
        ("", 0),
        (LARGE, 0),
        ([], 1),
        ({}, 1),
        ([LARGE], 1),
        ({"a": LARGE}, 1),
        ([{"a": LARGE}], 2),
        ({"a": [LARGE]}, 2),
        ({"a": {"b": 1}, "b": LARGE}, 2),
    ],
)
@pytest.mark.parametrize("depth", range(4))
def test_large_values_may_be_as_deep_as_small_ones(leaf, own, depth):
    """A list or map takes a level, what stands in it does not."""
    for wraps in range(4):
        value = nested(leaf, wraps)
        if wraps + own <= depth:
            assert decode(encode(value, depth), depth) == value
        else:
            with pytest.raises(NotCanonical, match="deep"):
                decode(encode(value), depth)
            with pytest.raises(NotCanonical, match="deep"):
                encode(value, depth)


def test_depth_is_bounded_before_anything_recurses():
    assert decode(encode(nested(1, MAX_DEPTH)))
    for depth in (MAX_DEPTH + 1, 200, 100_000):
        with pytest.raises(NotCanonical, match="deep"):
            decode(b"[" * depth + b"]" * depth)


def test_nothing_at_all_is_no_value():
    with pytest.raises(NotCanonical):
        decode(b"")


def test_a_struct_reads_back_from_its_one_form_only():
    class Made(msgspec.Struct, forbid_unknown_fields=True):
        by: str
        at: datetime
        rest: msgspec.Raw = msgspec.Raw(b"null")

    decoder = msgspec.json.Decoder(Made)
    made = Made("x", datetime(2026, 1, 1, tzinfo=UTC), msgspec.Raw(b"[1]"))
    raw = encode(made)
    assert raw == b'{"at":"2026-01-01T00:00:00Z","by":"x","rest":[1]}'
    assert decode_as(raw, decoder) == made
    others = (
        raw.replace(b"Z", b".000Z"),
        raw.replace(b"Z", b"+00:00"),
        raw.replace(b',"rest":[1]', b""),
        raw.replace(b"[1]", b" [1]"),
        raw.replace(b'"by":"x"', b'"by":"x","by":"x"'),
        raw.replace(b'"by":"x"', b'"by":1'),
        raw.replace(b'"by"', b'"bx":1,"by"'),
        raw.replace(b"[1]", b"[" * 100_000),
        raw[:-1],
    )
    for other in others:
        with pytest.raises(NotCanonical):
            decode_as(other, decoder)
