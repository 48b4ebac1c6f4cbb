"""Which rules could look at what is masked: by condition, by pattern, through a normal path, and which could not."""

import pytest

from sidecar.core.masks import masked_paths
from sidecar.core.policy import Unseen
from tests.fakes.policies import NO_PATHS, PATHS, request, table

MASK = "masked:hmac:0123456789abcdef0123456789abcdef"
DID = {"password": MASK, "n": 1, "deep": {"password": MASK, "n": 1}, "list": [{"password": MASK, "n": 1}]}
RULE = "rules:\n  - {id: r, match: %s, effect: deny, reason: x%s}\n"


def found(when="", match="{}", asked=None, paths=NO_PATHS):
    """The masked paths that the one rule could look at."""
    asked = asked or request(did=DID)
    condition = f", when: '{when}'" if when else ""
    policies = table(RULE % (match, condition), {"users": {}}, paths)
    return [one.path for one in policies.unseen(asked, masked_paths(asked))]


PASSWORD, DEEP, LIST = (f"action.properties.{name}" for name in ("password", "deep.password", "list"))


@pytest.mark.parametrize(
    ("when", "paths"),
    [
        ('action.properties.password == "a"', [PASSWORD]),
        ('action.properties.password.startsWith("a")', [PASSWORD]),
        ("has(action.properties.password)", [PASSWORD]),
        ("has(action.properties.password.inner)", [PASSWORD]),
        ("action.properties.password.inner > 1", [PASSWORD]),
        ('known("users", action.properties.password)', [PASSWORD]),
        ("action.properties.deep.password != action.properties.password", [PASSWORD, DEEP]),
        ("size(action.properties.deep) > 1", [DEEP]),
        ('action.properties["password"] == "a"', [PASSWORD, DEEP, LIST]),
        ('action.properties["n"] == 1', [PASSWORD, DEEP, LIST]),
        ('"password" in action.properties', [PASSWORD, DEEP, LIST]),
        ("size(action.properties) > 1", [PASSWORD, DEEP, LIST]),
        ('action["properties"].n == 1', [PASSWORD, DEEP, LIST]),
        ("action.properties.list.exists(e, e.n == 1)", [LIST]),
        ("action.properties.list[0].n == 1", [LIST]),
    ],
)
def test_a_condition_that_names_what_is_masked_could_look_at_it(when, paths):
    assert sorted(found(when)) == sorted(paths)


@pytest.mark.parametrize(
    "when",
    [
        "action.properties.n == 1",
        "action.properties.deep.n == 1",
        "has(action.properties.deep.n)",
        'action.name == "read" && subject.id == "a" && resource.type == "db"',
        'resource.id == "t" && known("users", resource.id)',
        "context.password == 1",
        "size(subject.properties) == 0",
        "now.getHours() > 1 && caller.uid == 1 && risk.score > 1",
    ],
)
def test_a_condition_that_names_other_things_could_not(when):
    assert found(when) == []


def test_a_rule_without_a_condition_could_not():
    assert found() == []


@pytest.mark.parametrize("match", ['{actions: ["write"]}', '{subjects: ["user:*"]}', '{resources: ["db:u"]}'])
def test_a_rule_that_cannot_match_could_not(match):
    assert found('action.properties.password == "a"', match) == []


def with_masked_id(kind="db", **parts):
    return request(resource=f"{kind}:x?token={MASK}", **parts)


@pytest.mark.parametrize(
    ("match", "paths"),
    [
        ('{resources: ["db:users"]}', ["resource.id"]),
        ('{resources: ["db:x*"]}', ["resource.id"]),
        ('{resources: ["*:*/etc/*"]}', ["resource.id"]),
        ('{resources: ["file:*", "d*:secret"]}', ["resource.id"]),
        ('{resources: ["db:*"]}', []),
        ('{resources: ["db:secret", "*:*"]}', []),
        ('{resources: ["file:/etc/*"]}', []),
        ('{resources: ["db:users"], actions: ["write"]}', []),
        ('{resources: ["db:users"], subjects: ["user:*"]}', []),
        ("{}", []),
    ],
)
def test_a_pattern_for_the_id_could_look_at_a_masked_id_and_one_for_any_id_could_not(match, paths):
    assert found("", match, with_masked_id()) == paths


@pytest.mark.parametrize(
    "when",
    [
        'resource.id == "x"',
        'known("users", resource.id)',
        'lookup("users", resource.id).level == 1',
        'resource["id"] == "x"',
        "has(resource.id)",
    ],
)
def test_a_condition_could_look_at_a_masked_id(when):
    assert found(when, "{}", with_masked_id()) == ["resource.id"]


def test_the_type_of_a_resource_is_compared_in_its_normal_form():
    asked = with_masked_id("cafe\N{COMBINING ACUTE ACCENT}")
    assert found("", '{resources: ["caf\N{LATIN SMALL LETTER E WITH ACUTE}:secret"]}', asked) == [
        "resource.id"
    ]


@pytest.mark.parametrize(
    ("pattern", "paths", "expected"),
    [
        ("/etc/*", PATHS, [PASSWORD]),
        ("/etc/*", NO_PATHS, []),
        ("/srv/*", PATHS, [PASSWORD]),
        ("/srv/*", NO_PATHS, [PASSWORD]),
    ],
)
def test_a_rule_that_fits_with_the_path_as_written_or_normal_could_look(pattern, paths, expected):
    asked = request(resource="file:/srv/../etc/x", did={"password": MASK})
    match = f'{{resources: ["file:{pattern}"]}}'
    assert found('action.properties.password == "a"', match, asked, paths) == expected


def test_every_rule_is_named_once_in_the_order_they_are_written_in():
    resources = ["file:/b", "file:/a/../b", "*:*", "file:/*"]
    rules = "".join(
        f"  - {{id: r{n}, match: {{resources: ['{resource}']}}, effect: allow, reason: x, "
        "when: 'action.properties.password == 1'}\n"
        for n, resource in enumerate(resources)
    )
    asked = request(resource="file:/a/../b", did={"password": MASK})
    expected = tuple(Unseen(f"r{n}", PASSWORD) for n in range(4))
    assert table("rules:\n" + rules, paths=PATHS).unseen(asked, masked_paths(asked)) == expected
