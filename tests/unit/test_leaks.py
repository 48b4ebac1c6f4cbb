"""Leaks: named by their pattern, counted, and never quoted."""

from collections import Counter

import pytest

from sidecar.core.leaks import find_leaks
from sidecar.core.mask_table import MaskPattern, MaskTable
from tests.tools.bundles import bundle

TABLE = bundle("rules: [{id: all, effect: allow, reason: x}]\n").masking
TOKEN = "ghp_" + "a1" * 18
GIT, SSN, CARD = "GitHub or GitLab token", "social security number", "card number"


def leaks(text: str, table: MaskTable = TABLE) -> Counter[str]:
    return sum(find_leaks(text, table), Counter())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("nothing to see here", {}),
        (f"{TOKEN} and {TOKEN}", {GIT: 2}),
        ("4111 1111 1111 1111", {CARD: 1}),
        ("4111 1111 1111 1112", {}),
        ("078-05-1120", {SSN: 1}),
        ("2026-01-31T09:00:00", {}),
        (f"078-05-1120 {TOKEN}", {GIT: 1, SSN: 1}),
    ],
)
def test_each_kind_that_occurs_is_counted(text, found):
    assert leaks(text) == found


@pytest.mark.parametrize("secret", [TOKEN, "078-05-1120"])
def test_a_secret_is_found_wherever_it_stands_in_a_long_text(secret):
    (name,) = leaks(secret)
    for before in (0, 1000, *range(1012, 1036), 2040, 10_000):
        assert leaks("x " * (before // 2) + " " * (before % 2) + f"{secret} " + "y " * 2000) == {name: 1}


def test_a_text_made_to_cost_the_square_of_its_length_is_left_in_many_steps():
    text = "eyJ" * 20_000
    assert sum(1 for _ in find_leaks(text, TABLE)) == -(-len(text) // 1024)


def test_a_hint_is_looked_for_in_any_case_and_needed():
    table = MaskTable((), (MaskPattern("x", "[A-Z]{4}-[0-9]+", hints=("ABCD",)),))
    assert leaks("abcd ABCD-12", table) == {"x": 1}
    assert leaks("none EFGH-12", table) == {}
