"""The fast reading and the exact one say the same of every body."""

import json

from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.errors import RequestError
from sidecar.core.ijson import JsonLimits, parse_object

NAMES = st.sampled_from(["a", "b", 'q"', "c:", "\\", "é", ""])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(NAMES, inner), max_size=4).map(tuple),
    max_leaves=8,
)


def render(value: object) -> tuple[str, bool]:
    """The text of a value whose objects are lists of pairs, and whether I-JSON takes it."""
    if isinstance(value, tuple):
        parts = [(json.dumps(name), *render(item)) for name, item in value]
        names = [name for name, _ in value]
        text = ",".join(f"{name}:{item}" for name, item, _ in parts)
        return f"{{{text}}}", len(set(names)) == len(names) and all(fine for *_, fine in parts)
    if isinstance(value, list):
        items = [render(item) for item in value]
        return f"[{','.join(text for text, _ in items)}]", all(fine for _, fine in items)
    is_int = isinstance(value, int) and not isinstance(value, bool)
    return json.dumps(value, ensure_ascii=False), not is_int or -(2**63) <= value < 2**63


@given(st.lists(st.tuples(NAMES, VALUES), max_size=4).map(tuple))
def test_duplicates_and_large_integers_are_refused_and_nothing_else_is(pairs):
    text, fine = render(pairs)
    try:
        parsed = parse_object(text.encode(), JsonLimits())
    except RequestError:
        assert not fine
    else:
        assert fine
        assert parsed == json.loads(text)


TRICKY = st.text(alphabet='"\\[]{}n', max_size=6)
NESTED = st.recursive(
    st.just(1) | TRICKY,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TRICKY, inner, max_size=2),
    max_leaves=8,
)


def depth(value: object) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(st.dictionaries(TRICKY, NESTED, max_size=3), st.integers(1, 6))
def test_depth_is_that_of_the_value_whatever_its_strings_hold(value, limit):
    raw = json.dumps(value).encode()
    try:
        assert parse_object(raw, JsonLimits(depth=limit)) == value
    except RequestError:
        assert depth(value) > limit
    else:
        assert depth(value) <= limit
