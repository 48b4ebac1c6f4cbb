"""Cover: which patterns match all that others do."""

import pytest

from sidecar.core.policy.cover import covers, covers_ids, covers_match, covers_names
from sidecar.core.policy.globs import compile_glob
from sidecar.core.policy.parse import typed_glob
from tests.fakes.policies import policy_set


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("*", "*"),
        ("*", "a?b*"),
        ("a*", "ab*"),
        ("a*", "a"),
        ("*b", "a*b"),
        ("*a*", "*bab*"),
        ("?", "a"),
        ("??", "a?"),
        ("?*", "*?"),
        ("*?", "?*"),
        ("a?*c", "a*b*c"),
        ("*?*?*", "??"),
        ("file.*", "file.re?d"),
        (r"a\*", r"a\*"),
        (r"\*?", r"\*\?"),
        ("é*", "e\u0301a*"),
    ],
)
def test_it_covers(wide, narrow):
    assert covers(compile_glob(wide), compile_glob(narrow))


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("a", "a*"),
        ("a*", "*"),
        ("?", "*"),
        ("?*", "*"),
        ("??", "?*"),
        ("*a", "a*"),
        ("a?", "a"),
        ("ab*", "a*"),
        (r"a\*", "a*"),
        (r"a\?", "a?"),
        ("a*b", "a*"),
        ("*a*a*", "*a*"),
    ],
)
def test_it_does_not_cover(wide, narrow):
    assert not covers(compile_glob(wide), compile_glob(narrow))


def test_lists_cover_if_each_of_the_narrow_has_one_of_the_wide():
    wide = [compile_glob("a*"), compile_glob("b*")]
    assert covers_names(wide, [compile_glob("ab"), compile_glob("b?")])
    assert not covers_names(wide, [compile_glob("ab"), compile_glob("c")])
    assert covers_names(None, None)
    assert covers_names([compile_glob("**")], None)
    assert not covers_names(wide, None)


def test_ids_are_covered_type_and_id():
    assert covers_ids([typed_glob("file:/srv/*")], [typed_glob("file:/srv/a")])
    assert not covers_ids([typed_glob("file:/srv/*")], [typed_glob("f*:/srv/a")])
    assert covers_ids([typed_glob("*:*")], None)
    assert not covers_ids([typed_glob("*:?*")], None)


def test_a_match_is_covered_in_all_its_parts():
    body = """rules:
  - {id: wide, effect: deny, match: {actions: ["read*"], subjects: ["agent:*"]}}
  - {id: narrow, effect: allow, match: {actions: [read], subjects: ["agent:a"], resources: ["file:x"]}}
  - {id: anybody, effect: allow, match: {actions: [read]}}
"""
    wide, narrow, anybody = (parsed.rule for parsed in policy_set(body).rules)
    assert covers_match(wide, narrow)
    assert not covers_match(wide, anybody)
    assert not covers_match(narrow, wide)
