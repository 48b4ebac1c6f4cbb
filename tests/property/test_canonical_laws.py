"""Canonical laws: what is written reads back, in pieces as in one, and no other spelling of it does."""

import json
from math import isfinite

from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.canonical import NotCanonical, decode, encode

PIECE = 64 * 1024
INT64 = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
# Of every size around that from which on a value is read in pieces.
LARGE = st.builds(
    lambda text, size: (text * (size // len(text.encode()) + 1))[:size],
    st.sampled_from(["x", '"', "é", "\\", "\U0001f600"]),
    st.integers(PIECE - 40, PIECE + 40),
)
MANY = st.builds(lambda item, count: [item] * count, INT64 | FLOATS | TEXT, st.integers(8_000, 20_000))


def json_values(leaves):
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
        max_leaves=8,
    )


SMALL = st.none() | st.booleans() | INT64 | FLOATS | TEXT
VALUES = json_values(SMALL)
LARGE_VALUES = json_values(SMALL | LARGE | MANY).flatmap(
    lambda value: st.sampled_from([value, [value, "x" * PIECE], {"z": "x" * PIECE, "a": value}])
)


def sorted_members(value):
    """Types and order can be seen in its text."""
    if isinstance(value, dict):
        return {name: sorted_members(value[name]) for name in sorted(value)}
    return [sorted_members(item) for item in value] if isinstance(value, list) else value


@given(VALUES | LARGE_VALUES)
def test_what_is_written_reads_back_with_its_types_and_in_order(value):
    assert repr(decode(encode(value))) == repr(sorted_members(value))


@given(VALUES | LARGE_VALUES)
def test_others_read_the_same_value(value):
    assert json.loads(encode(value)) == value


@given(VALUES)
def test_equal_values_have_equal_bytes_and_others_do_not(value):
    raw = encode(value)
    assert encode(decode(raw)) == raw
    assert encode([value, 1]) != encode([value, 1.0])
    assert encode({"a": value}) != encode({"b": value})


@st.composite
def spelled(draw, values):
    """A value, and its JSON text in any style."""
    value = draw(values)
    return value, spell(draw, value)


def spell(draw, value):
    blank = draw(st.sampled_from(["", "", "", " ", "\n\t"]))
    if isinstance(value, dict):
        members = draw(st.permutations(list(value.items())))
        members += members[:1] if draw(st.integers(0, 9)) == 0 else []
        return "{" + blank + ",".join(f"{spell(draw, n)}:{spell(draw, v)}" for n, v in members) + "}"
    if isinstance(value, list):
        return "[" + blank + ",".join(spell(draw, item) for item in value) + "]"
    if isinstance(value, str):
        escaped = json.dumps(value, ensure_ascii=draw(st.booleans()))
        return draw(st.sampled_from([escaped, escaped, escaped.replace("/", "\\/").replace("a", "\\u0061")]))
    if type(value) is int:
        return draw(st.sampled_from([str(value), str(value), f"{value}e0", f"{value}.0e+0"])) + blank
    if type(value) is float:
        return draw(st.sampled_from([encode(value).decode(), repr(value), f"{value:.20e}"])) + blank
    return blank + json.dumps(value)


@given(spelled(VALUES | json_values(SMALL | LARGE)))
def test_of_all_spellings_of_a_value_one_is_read(case):
    value, text = case
    try:
        read = decode(text.encode())
    except NotCanonical:
        assert text.encode() != encode(value)
    else:
        assert text.encode() == encode(value)
        assert repr(read) == repr(sorted_members(value))


@given(
    st.binary(max_size=40) | TEXT.map(str.encode) | st.binary(max_size=10).map(lambda raw: b'"' + raw * PIECE)
)
def test_of_arbitrary_bytes_only_the_one_form_is_read(raw):
    try:
        value = decode(raw)
    except NotCanonical:
        return
    assert encode(value) == raw


@given(json_values(SMALL | st.integers() | st.floats() | st.text(max_size=3)))
def test_whatever_can_be_written_can_be_read(value):
    try:
        raw = encode(value)
    except NotCanonical:
        assert not is_representable(value)
    else:
        assert decode(raw) == value


def is_representable(value):
    if isinstance(value, dict | list):
        parts = [*value, *value.values()] if isinstance(value, dict) else value
        return all(is_representable(part) for part in parts)
    if isinstance(value, str):
        return not any("\ud800" <= char <= "\udfff" for char in value)
    return not isinstance(value, int | float) or (
        isfinite(value) if isinstance(value, float) else -(2**63) <= value < 2**63
    )
