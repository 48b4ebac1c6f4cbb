"""Globs: what matches, what does not, and that no pattern makes matching slow."""

import pytest

from sidecar.core.policy.globs import compile_glob


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("read", "read", True),
        ("read", "Read", False),
        ("read", "reads", False),
        ("*", "", True),
        ("*", "a/b\nc", True),
        ("/etc/*", "/etc/a/b", True),
        ("/etc/*", "/etc", False),
        ("*.pem", "a/b.pem", True),
        ("*.pem", "b.pem.txt", False),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("a*b*c", "a-b-b-c", True),
        ("a*b*c", "a-c-b", False),
        ("*ab", "aab", True),
        ("?", "x", True),
        ("?", "", False),
        ("?", "\n", True),
        ("?", "\U0001f600", True),
        ("a?c*", "abcd", True),
        ("*?", "", False),
        ("*?b*", "ab", True),
        ("*a?b*b", "xaxbb", True),
        (r"\*", "*", True),
        (r"\*", "x", False),
        (r"\?\\", "?\\", True),
        ("[a-z]", "[a-z]", True),
        ("[a-z]", "b", False),
        ("a.c", "abc", False),
        ("(a|b)*", "(a|b)c", True),
        ("**", "x", True),
    ],
)
def test_a_glob_matches_the_whole_text(pattern: str, text: str, matches: bool):
    assert bool(compile_glob(pattern).matches(text)) is matches


def test_a_pattern_is_brought_to_nfc():
    assert compile_glob("cafe\u0301*").matches("caf\u00e9s")


@pytest.mark.parametrize(
    ("pattern", "prefix", "is_literal"),
    [
        ("read", "read", True),
        ("a.*", "a.", False),
        ("*", "", False),
        (r"a\*b", "a*b", True),
        ("a?", "a", False),
    ],
)
def test_the_literal_beginning_is_known(pattern: str, prefix: str, is_literal: bool):
    glob = compile_glob(pattern)
    assert (glob.prefix, glob.is_literal) == (prefix, is_literal)


def test_a_lone_backslash_at_the_end_is_refused():
    with pytest.raises(ValueError, match="escapes nothing"):
        compile_glob("a\\")


@pytest.mark.parametrize("pattern", ["*a" * 200 + "b", "a*" * 500 + "b", "*?a" * 100 + "b"])
def test_no_pattern_makes_matching_explode(pattern: str):
    # With backtracking this would not end within the age of the universe.
    assert not compile_glob(pattern).matches("a" * 20_000)
