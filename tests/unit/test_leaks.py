"""Leaks: named by their pattern, counted, and never quoted."""

import pytest

from sidecar.core.leaks import Leak, find_leaks
from sidecar.core.mask_table import MaskPattern, MaskTable
from tests.tools.bundles import bundle

TABLE = bundle("rules: [{id: all, effect: allow, reason: x}]\n").masking
TOKEN = "ghp_" + "a1" * 18


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ()),
        ("nothing to see here", ()),
        (f"{TOKEN} and {TOKEN}", (Leak("GitHub or GitLab token", 2),)),
        ("4111 1111 1111 1111", (Leak("card number", 1),)),
        ("4111 1111 1111 1112", ()),
        ("078-05-1120", (Leak("social security number", 1),)),
        ("2026-01-31T09:00:00", ()),
        (f"078-05-1120 {TOKEN}", (Leak("GitHub or GitLab token", 1), Leak("social security number", 1))),
    ],
)
def test_each_kind_that_occurs_is_counted(text, found):
    assert find_leaks(text, TABLE) == found


def test_a_hint_is_looked_for_in_any_case_and_needed():
    table = MaskTable((), (MaskPattern("x", "[A-Z]{4}-[0-9]+", hints=("ABCD",)),))
    assert find_leaks("abcd ABCD-12", table) == (Leak("x", 1),)
    assert find_leaks("none EFGH-12", table) == ()
