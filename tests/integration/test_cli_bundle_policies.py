"""Policies in a signed bundle are tested, linted, explained and asked as those in a folder are."""

import pytest

from tests.fakes.terminal import type_in
from tests.tools.workshop import READ, RULES, TESTS, done, trusting


def test_policies_in_a_bundle_are_tested_linted_explained_and_asked(built, keys):
    out, who = built(), trusting(keys, "a")
    assert done(type_in("policy", "test", out, *who)).out == "passed 1 of 1 tests; 1 of 1 rules covered\n"
    assert done(type_in("policy", "lint", out, *who)).out == "ok 1 rules\n"
    assert "reads" in done(type_in("policy", "explain", out, *READ, *who)).out
    ran = done(type_in("check", "--local", out, *READ, *who))
    assert ran.out.startswith("ALLOW")
    assert "advice, not recorded" in ran.out


@pytest.mark.parametrize(
    "verb",
    [("policy", "test"), ("policy", "lint"), ("policy", "explain"), ("check", "--local")],
    ids=" ".join,
)
def test_nothing_is_made_of_a_bundle_that_does_not_verify(built, keys, verb):
    words = READ if verb[1] in {"explain", "--local"} else ()
    ran = type_in(*verb, built(), *words, *trusting(keys, "b"))
    assert (ran.code, ran.out) == (78, "")
    assert f"{keys}/b.dsse: 0 of the 1 trusted keys signed" in ran.err
    ran = type_in(*verb, built(), *words)
    assert (ran.code, ran.out) == (64, "")
    assert "no keys to verify by" in ran.err


def test_tests_in_a_bundle_happen_at_their_own_time(built, folder, keys):
    late = TESTS.replace("action: file.read,", "action: file.read, now: 2090-01-01T00:00:00Z,")
    (folder / "tests/files_test.yaml").write_text(late)
    assert type_in("policy", "test", built(), *trusting(keys, "a")).code == 0


def test_a_failing_test_in_a_bundle_has_its_place(built, folder, keys):
    (folder / "tests/files_test.yaml").write_text(TESTS.replace("allow, rules", "deny, rules"))
    ran = type_in("policy", "test", built(), *trusting(keys, "a"))
    assert ran.code == 1
    assert f"FAILED reading is allowed ({keys}/b.dsse/tests/files_test.yaml#/0/tests/0)" in ran.out


@pytest.mark.parametrize(
    "verb",
    [("policy", "test"), ("policy", "lint"), ("policy", "explain"), ("check", "--local")],
    ids=" ".join,
)
def test_a_folder_is_not_taken_for_something_that_was_verified(folder, keys, verb):
    words = READ if verb[1] in {"explain", "--local"} else ()
    ran = type_in(*verb, folder, *words, "--pub", keys / "a.pub")
    assert (ran.code, ran.out) == (64, "")
    assert "is a folder; --pub" in ran.err


def test_a_bundle_differs_from_a_folder_in_what_changed_since(built, folder, keys):
    out, who = built(), trusting(keys, "a")
    assert done(type_in("policy", "diff", out, folder, *who)).out == "ok no difference\n"
    (folder / "files.yaml").write_text(RULES.replace("effect: allow", "effect: deny"))
    assert type_in("policy", "diff", out, folder, *who).code == 1
    assert type_in("policy", "diff", folder, built(name="c"), *who).code == 0
    assert type_in("policy", "diff", folder, folder, *who).code == 64


def test_what_was_surely_not_meant_is_found_in_a_bundle_too(built, folder, keys):
    (folder / "files.yaml").write_text(
        RULES.replace("effect: allow\n    reason: Reading is free.", "effect: deny")
    )
    told = type_in("policy", "lint", built(), *trusting(keys, "a"), "--json")
    assert told.code == 1
    (found,) = told.json
    assert (found["check"], found["path"]) == ("missing-reason", f"{keys}/b.dsse/files.yaml")
    assert found["pointer"].startswith("/0/rules/0")
