"""Explaining: each rule is looked at and says which part of it settled the matter."""

import pytest

from sidecar.core.policy import Part, RuleFinding
from tests.fakes.policies import inputs, request, table

BODY = """\
rules:
  - id: one
    effect: {effect}
    match: {{subjects: ["agent:a"], actions: [read, "list*"], resources: ["db:*"]}}
    when: context.level > 3
defaults: {{approval: {{stages: [{{approvers: ["group:on-call"]}}]}}}}
"""


def finding(effect: str = "allow", **parts: object) -> RuleFinding:
    (found,) = table(BODY.format(effect=effect)).explain(inputs(request(**parts)))
    return found


@pytest.mark.parametrize(
    ("parts", "matched", "part", "why"),
    [
        ({"subject": "user:a"}, False, Part.SUBJECT, "the subject `user:a` matches none of `agent:a`"),
        ({"action": "write"}, False, Part.ACTION, "the action `write` matches none of `read`, `list*`"),
        ({"resource": "file:a"}, False, Part.RESOURCE, "the resource `file:a` matches none of `db:*`"),
        ({"context": {"level": 3}}, False, Part.CONDITION, "the condition is false"),
        ({"context": {"level": 4}}, True, Part.ALL, "matches, and its condition holds"),
    ],
)
def test_the_part_that_settled_it_is_named(parts: dict, matched: bool, part: Part, why: str):
    found = finding(**parts)
    assert (found.matched, found.part, found.why) == (matched, part, why)
    assert (found.rule, found.place) == ("one", "policy.yaml:5:5")


@pytest.mark.parametrize(("effect", "matched"), [("allow", False), ("approve", True), ("deny", True)])
def test_an_error_is_told_with_what_it_counts_as(effect: str, matched: bool):
    found = finding(effect)
    assert (found.matched, found.part) == (matched, Part.CONDITION)
    assert "`context.level` is absent" in found.why
    assert ("counts as matched" in found.why) is matched


def test_a_rule_without_condition_just_matches():
    (found,) = table("rules: [{id: a, effect: deny}]").explain(inputs())
    assert (found.matched, found.why) == (True, "matches")


def test_long_lists_of_patterns_are_shortened():
    patterns = ", ".join(f"p{i}" for i in range(20))
    (found,) = table(f"rules: [{{id: a, effect: deny, match: {{actions: [{patterns}]}}}}]").explain(inputs())
    assert found.why.endswith("`p7` and 12 more")
