"""No conformance case is forgotten: each of them has a test of its number."""

import re

from tests.tools.daemon import REPOSITORY

CASES = set(range(1, 71))
_NAMED = re.compile(r"^(?:async )?def test((?:_c\d\d(?:_to|_and)?)+)_", re.MULTILINE)


def numbers(name: str) -> set[int]:
    """`_c31_to_c33` names a range, `_c16_c30_and_c60` three."""
    found: set[int] = set()
    for first, last in re.findall(r"_c(\d\d)(?:_to_c(\d\d))?", name):
        found |= set(range(int(first), int(last or first) + 1))
    return found


def asserted() -> set[int]:
    """The cases that a test of `tests` names."""
    sources = [path.read_text() for path in (REPOSITORY / "tests").rglob("test_*.py")]
    return set().union(*(numbers(name) for source in sources for name in _NAMED.findall(source)))


def test_names_are_read_as_they_are_meant():
    assert _NAMED.findall("def test_c31_to_c33_an_action() -> None:") == ["_c31_to_c33"]
    assert _NAMED.findall("    # def test_c01_x\n") == []
    assert numbers("_c31_to_c33") == {31, 32, 33}
    assert numbers("_c16_c30_and_c60") == {16, 30, 60}


def test_every_case_is_asserted():
    assert asserted() == CASES
