"""Diff: each kind of change is told, in words, with the way that decisions can go because of it."""

import pytest

from sidecar.core.bundle import load_folder
from sidecar.core.diff import Detail, Direction, Kind, What, diff_bundles
from tests.tools.bundles import DEFAULTS, HEAD, bundle

ASK = "defaults: {approval: {stages: [{approvers: ['group:on-call']}]}}\n"
ALLOW = "id: a, effect: allow, match: {actions: [read, list]}"
DENY = "id: d, effect: deny, match: {actions: [wipe, 'drop*'], subjects: ['agent:*']}"
HOLD = "id: h, effect: approve, match: {actions: [pay]}"


def rules(*lines, defaults=ASK):
    return defaults + "rules:\n" + "".join(f"  - {{{line}}}\n" for line in lines)


def diff(old, new, **data):
    before, after = ({name: pair[side] for name, pair in data.items() if pair[side]} for side in (0, 1))
    return diff_bundles(bundle(old, **before), bundle(new, **after))


def one(old, new, **data):
    (change,) = diff(old, new, **data)
    return change


def direction(old, new):
    return one(rules(old), rules(new)).direction.value


def test_the_same_rules_in_other_files_and_order_are_no_change():
    whole = {"one.yaml": (HEAD + rules(ALLOW, DENY)).encode()}
    parts = {
        "b.yaml": (HEAD + rules(DENY.replace("wipe, 'drop*'", "'drop*', wipe"), defaults="")).encode(),
        "a.yaml": (HEAD.replace("test", "other") + rules(ALLOW)).encode(),
    }
    assert diff_bundles(load_folder(whole, DEFAULTS, "old"), load_folder(parts, DEFAULTS, "new")) == ()


@pytest.mark.parametrize(
    ("rule", "added", "removed"),
    [
        (ALLOW, "loosens", "tightens"),
        (DENY, "tightens", "loosens"),
        (HOLD, "either", "either"),
        (ALLOW + ", thresholds: {deny: 10}", "either", "either"),
        (ALLOW + ", obligations: [{id: a, type: b}]", "either", "either"),
    ],
)
def test_a_rule_comes_and_goes(rule, added, removed):
    other = "id: other, effect: deny, match: {actions: [other]}"
    came, went = one(rules(other), rules(other, rule)), one(rules(rule, other), rules(other))
    assert (came.what, came.kind, came.name) == (What.RULE, Kind.ADDED, rule[4])
    assert (came.direction, came.place) == (added, "policy.yaml:7:5")
    assert (went.kind, went.direction, went.place) == (Kind.REMOVED, removed, "policy.yaml:6:5")
    assert [detail.field for detail in came.details][:1] == ["effect"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[read, list]", "[read]", ("tightens", "loosens")),
        ("[read, list]", "[read, list, stat]", ("loosens", "tightens")),
        ("[read, list]", "[read, stat]", ("either", "either")),
        ("[read, list]", "['*']", ("loosens", "tightens")),
        ("['re*', read]", "['re*']", ("neither", "neither")),
        ("['re*']", "[read]", ("tightens", "loosens")),
    ],
)
def test_patterns_come_and_go(old, new, expected):
    for effect, way in zip(("allow", "deny"), expected, strict=True):
        rule = f"id: a, effect: {effect}, match: {{actions: %s}}"
        assert direction(rule % old, rule % new) == way
    hold = "id: a, effect: approve, match: {actions: %s}"
    assert direction(hold % old, hold % new) == ("neither" if expected[0] == "neither" else "either")


def test_patterns_are_told_by_name():
    change = one(rules(DENY), rules(DENY.replace("wipe, ", "erase, ")))
    assert change.details == (Detail("actions", added=("erase",), removed=("wipe",)),)
    without = one(rules(DENY), rules(DENY.replace(", subjects: ['agent:*']", "")))
    assert without.details == (Detail("subjects", old=["agent:*"]),)
    assert without.direction is Direction.TIGHTENS


@pytest.mark.parametrize(
    ("old", "new", "way"),
    [
        ("allow", "approve", "tightens"),
        ("allow", "deny", "tightens"),
        ("approve", "deny", "tightens"),
        ("deny", "approve", "loosens"),
        ("deny", "allow", "loosens"),
        ("approve", "allow", "loosens"),
    ],
)
def test_an_effect_changes(old, new, way):
    rule = "id: a, effect: %s, match: {actions: [read]}"
    assert direction(rule % old, rule % new) == way
    assert one(rules(rule % old), rules(rule % new)).details[0] == Detail("effect", old, new)


def test_an_allow_with_a_condition_that_becomes_an_approve_holds_also_where_it_errs():
    rule = "id: a, effect: %s, when: context.x > 3"
    assert direction(rule % "allow", rule % "approve") == "either"
    assert direction(rule % "allow", rule % "deny") == "tightens"


def test_an_allow_of_more_that_becomes_a_deny_of_less_only_tightens():
    assert (
        direction(
            "id: a, effect: allow, match: {actions: ['re*']}", "id: a, effect: deny, match: {actions: [read]}"
        )
        == "tightens"
    )


@pytest.mark.parametrize(
    ("old", "new", "way"),
    [
        ("context.x > 3", "context.x > 4", "either"),
        (None, "context.x > 3", "tightens"),
        ("context.x > 3", None, "loosens"),
    ],
)
def test_a_condition_changes(old, new, way):
    before, after = (ALLOW + (f", when: {when}" if when else "") for when in (old, new))
    change = one(rules(before), rules(after))
    assert change.direction == way
    assert change.details[0].field == "when"
    assert (
        diff(rules(ALLOW + ", when: context.x > 3"), rules(ALLOW + ", when: 'context.x  > 3 // three'")) == ()
    )


@pytest.mark.parametrize(
    ("old", "new", "way"),
    [
        ("thresholds: {approve: 60}", "thresholds: {approve: 50}", "tightens"),
        ("thresholds: {approve: 60}", "thresholds: {approve: 70}", "loosens"),
        ("thresholds: {approve: 60, deny: 90}", "thresholds: {approve: 70, deny: 80}", "either"),
        ("thresholds: {approve: 60}", "thresholds: {approve: 60, deny: 90}", "either"),
        ("valid_for: 30s", "valid_for: 1h", "loosens"),
        ("valid_for: 1h", "valid_for: 30s", "tightens"),
        ("valid_for: 30s", "valid_for: 30s, obligations: [{id: a, type: b}]", "tightens"),
        ("obligations: [{id: a, type: b}]", "obligations: []", "loosens"),
        ("obligations: [{id: a, type: b}]", "obligations: [{id: a, type: b, properties: {x: 1}}]", "either"),
        ("score: local", "score: platform", "either"),
        ("on_platform_unavailable: deny", "on_platform_unavailable: open", "loosens"),
        ("on_platform_unavailable: open", "on_platform_unavailable: local", "tightens"),
        ("valid_for: 60s", "allow_when_blind: true", "loosens"),
        ("allow_when_blind: true", "allow_when_blind: false", "tightens"),
        ("valid_for: 60s", "on_platform_unavailable: deny", "either"),
        ("reason: One.", "reason: Two.", "neither"),
    ],
)
def test_what_else_an_allow_says_changes(old, new, way):
    assert direction(f"{ALLOW}, {old}", f"{ALLOW}, {new}") == way


@pytest.mark.parametrize(
    ("old", "new", "way"),
    [
        ("{approvers: ['g:a'], quorum: 2}", "{approvers: ['g:a']}", "loosens"),
        ("{approvers: ['g:a']}", "{approvers: ['g:a'], quorum: 2}", "tightens"),
        ("{approvers: ['g:a']}", "{approvers: ['g:a', 'g:b']}", "loosens"),
        ("{approvers: ['g:a']}", "{approvers: ['g:b']}", "either"),
        ("{approvers: ['g:a']}", "{approvers: ['g:a'], escalate: ['g:b']}", "loosens"),
        ("{approvers: ['g:a'], within: 1h}", "{approvers: ['g:a'], within: 5m}", "tightens"),
        ("{approvers: ['g:a']}", "{approvers: ['g:a']}, {approvers: ['g:b']}", "tightens"),
        ("{approvers: ['g:a']}, {approvers: ['g:b']}", "{approvers: ['g:a']}", "loosens"),
    ],
)
def test_stages_of_an_approval_change(old, new, way):
    rule = HOLD + ", approval: {stages: [%s]}"
    assert direction(rule % old, rule % new) == way
    (change,) = diff(*(f"defaults: {{approval: {{stages: [{stages}]}}}}\n" for stages in (old, new)))
    assert (change.what, change.direction) == (What.DEFAULTS, way)


def test_stages_are_told_in_words():
    stage = "{approvers: ['g:a', 'g:b'], quorum: 2, within: 90m, escalate: ['g:c']}"
    change = one(
        rules(HOLD), rules(HOLD + f", approval: {{stages: [{stage}, {{approvers: ['p:d'], within: 2d}}]}}")
    )
    assert change.details == (
        Detail("approval", "as in defaults", "2 of g:a, g:b within 90m, else g:c; 1 of p:d within 2d"),
    )


def test_a_rule_that_asks_as_by_default_has_not_changed_with_the_defaults():
    change = one(rules(HOLD), rules(HOLD, defaults=ASK.replace("on-call", "cfo")))
    assert (change.what, change.name) == (What.DEFAULTS, "defaults")
    assert change.details == (
        Detail("approval", "1 of group:on-call within 30m", "1 of group:cfo within 30m"),
    )


@pytest.mark.parametrize(
    ("old", "new", "way"),
    [
        ("thresholds: {deny: 90}", "thresholds: {deny: 80}", "tightens"),
        ("thresholds: {deny: 90}", "score: local", "loosens"),
        ("score: local", "thresholds: {deny: 90}", "tightens"),
        ("score: local", "score: platform", "either"),
        ("on_platform_unavailable: deny", "on_platform_unavailable: local", "loosens"),
        ("max_depth: 3", "max_depth: 2", "tightens"),
        ("max_depth: 3", "score: local", "loosens"),
        ("volatile: [a]", "volatile: [a, b]", "loosens"),
        ("volatile: [a, b]", "volatile: [b]", "tightens"),
    ],
)
def test_defaults_change(old, new, way):
    assert one(f"defaults: {{{old}}}\n", f"defaults: {{{new}}}\n").direction == way


def test_entries_of_documents_come_go_and_change():
    old = "ann: {level: 3, roles: [a, b]}\nbob: {level: 1}\n"
    new = "ann: {level: 4, roles: [b, c]}\neve: {level: 1}\n"
    change = one(ASK, ASK, users=(old, new))
    assert (change.what, change.kind, change.name, change.direction) == ("data", "changed", "users", "either")
    assert change.details == (
        Detail("ann.level", 3, 4),
        Detail("ann.roles", added=("c",), removed=("a",)),
        Detail("bob", old={"level": 1}),
        Detail("eve", new={"level": 1}),
    )


@pytest.mark.parametrize(
    ("old", "new"), [("a: {n: 1}", "a: {n: 1.0}"), ("a: {n: 1}", "a: {n: true}"), ("a: [1, 2]", "a: [2, 1]")]
)
def test_what_conditions_tell_apart_is_a_change(old, new):
    assert len(one(ASK, ASK, users=(old, new)).details) == 1


def test_documents_come_and_go():
    assert one(ASK, ASK, users=(None, "a: {n: 1}")).kind is Kind.ADDED
    assert one(ASK, ASK, users=("a: {n: 1}", None)).kind is Kind.REMOVED


def test_the_tables_are_told_by_path():
    risk = DEFAULTS["data/risk.yaml"].decode()
    change = one(ASK, ASK, risk=(risk, risk.replace("    add: 20\n", "    add: 10\n", 1)))
    assert (change.name, change.details) == ("risk", (Detail("facts.system_path.add", 20, 10),))
    masking = DEFAULTS["data/masking.yaml"].decode()
    change = one(ASK, ASK, masking=(masking, masking.replace("  - pwd\n", "")))
    assert (change.direction, change.details) == ("neither", (Detail("keys", removed=("pwd",)),))


def test_what_loosens_comes_first():
    old = rules(HOLD, ALLOW + ", reason: One.", defaults=ASK.replace("}}", "}, thresholds: {deny: 90}}", 1))
    new = rules(DENY, HOLD + ", when: context.x", ALLOW.replace("list", "list, stat") + ", reason: Two.")
    ways = [change.direction.value for change in diff(old, new, users=("a: 1", "a: 2"))]
    assert ways == ["loosens", "loosens", "either", "either", "tightens"]
