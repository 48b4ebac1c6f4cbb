"""Lint: each check finds what it is for, at its place, and leaves alone what is well."""

import pytest

from sidecar.core.people import People, Person
from sidecar.core.policy import Data, compile_policies
from sidecar.core.policy.lint import Severity, lint
from tests.fakes.policies import NO_PATHS, policy_set

DATA = {"users": {"a": {"level": 3}}, "payees": {"p": {}}, "risk": {}}
APPROVAL = "defaults: {approval: {stages: [{approvers: ['group:on-call']}]}}\n"


def found(body, documents=(), people=None):
    policies, data = policy_set(APPROVAL + body), Data(DATA)
    findings = lint(policies, compile_policies(policies, data, NO_PATHS), data, documents, people)
    assert {finding.severity for finding in findings} <= {Severity.WARNING}
    return findings


def checks(body, documents=(), people=None):
    return [finding.check for finding in found(body, documents, people)]


def rules(*lines):
    return "rules:\n" + "".join(f"  - {{{line}}}\n" for line in lines)


DENY = "id: wide, effect: deny, reason: No., match: {actions: ['read*']}"
HOLD = "id: wide, effect: approve, reason: Ask., match: {actions: ['read*']}"


@pytest.mark.parametrize("effect", ["allow", "approve"])
def test_a_rule_under_a_deny_never_takes_effect(effect):
    narrow = (
        f"id: narrow, effect: {effect}, reason: Why., match: {{actions: [read, readable], subjects: ['a:b']}}"
    )
    (finding,) = found(rules(narrow, DENY))
    assert finding.check == "unreachable-rule"
    assert "`wide` denies all that it matches" in finding.diagnostic.message
    assert (finding.diagnostic.place.path, finding.diagnostic.place.line) == ("policy.yaml", 6)
    assert "policy.yaml:7:5" in finding.diagnostic.hint


@pytest.mark.parametrize(
    "other",
    [
        "id: other, effect: allow, match: {actions: [read, write]}",
        "id: other, effect: allow, match: {subjects: ['a:b']}",
        "id: other, effect: deny, reason: Not this., match: {actions: [read]}",
    ],
)
def test_a_rule_that_a_deny_covers_in_part_is_left_alone(other):
    assert checks(rules(DENY, other)) == []


def test_a_deny_with_a_condition_covers_nothing():
    deny = "id: wide, effect: deny, reason: No., when: context.night"
    assert checks(rules(deny, "id: narrow, effect: allow")) == []


def test_an_allow_under_an_approve_never_allows():
    (finding,) = found(rules(HOLD, "id: narrow, effect: allow, match: {actions: [read]}"))
    assert finding.check == "never-allows"
    assert "needs approval by `wide`" in finding.diagnostic.message


@pytest.mark.parametrize(
    "more", ["thresholds: {deny: 50}", "valid_for: 10s", "obligations: [{id: receipt, type: note}]"]
)
def test_an_allow_that_sets_limits_of_a_hold_has_a_use(more):
    assert checks(rules(HOLD, f"id: narrow, effect: allow, {more}, match: {{actions: [read]}}")) == []


def test_an_approve_under_an_approve_adds_its_stages():
    narrow = "id: narrow, effect: approve, reason: Two., match: {actions: [read]}"
    assert checks(rules(HOLD, narrow)) == []


def test_among_many_rules_the_one_that_covers_is_found():
    denies = [f"id: d{n}, effect: deny, reason: No., match: {{actions: ['a{n}*']}}" for n in range(10, 60)]
    (finding,) = found(rules(*denies, "id: narrow, effect: allow, match: {actions: [a33, a331]}"))
    assert "`d33`" in finding.diagnostic.message


def test_rules_that_differ_in_what_they_let_through_when_blind_are_none():
    one = "id: one, effect: allow, match: {actions: [a]}, allow_when_blind: true"
    assert checks(rules(one, "id: two, effect: allow, match: {actions: [a]}")) == []


def test_rules_that_differ_in_id_and_reason_only_are_duplicates():
    one = "id: one, effect: allow, match: {actions: [b, a]}, when: 'context.x  > 3', reason: One."
    two = "id: two, effect: allow, match: {actions: [a, b]}, when: 'context.x > 3 // again', reason: Two."
    (finding,) = found(rules(one, two))
    assert finding.check == "duplicate-rule"
    assert finding.diagnostic.message == "rule `two` says the same as `one`"
    assert finding.diagnostic.place.line == 7


@pytest.mark.parametrize(
    "two",
    [
        "effect: allow, match: {actions: [a]}, when: context.x > 3",
        "effect: allow, match: {actions: [a, b]}, when: context.x > 4",
        "effect: allow, match: {actions: [a, b]}, when: context.x > 3, thresholds: {deny: 40}",
        "effect: allow, match: {actions: [a, b]}, when: context.x > 3, obligations: [{id: a, type: b}]",
        "effect: deny, match: {actions: [a, b]}, when: context.x > 3, reason: No.",
    ],
)
def test_rules_that_differ_in_more_are_none(two):
    one = "id: one, effect: allow, match: {actions: [b, a]}, when: context.x > 3"
    assert checks(rules(one, f"id: two, {two}")) == []


def test_who_is_stopped_gets_a_reason():
    body = rules(
        "id: d, effect: deny, when: context.x", "id: h, effect: approve, when: context.y, reason: ' '"
    )
    assert checks(body) == ["missing-reason"] * 2
    assert checks(rules("id: a, effect: allow")) == []


USING = "id: a, effect: allow, when: 'known(\"users\", subject.id)'"


def test_data_that_no_condition_names_is_unused():
    (finding,) = found(rules(USING), ["users", "payees", "risk", "masking", "agents", "people"])
    assert finding.check == "unused-data"
    assert str(finding.diagnostic.place) == "data/payees.yaml:1:1"


def test_nothing_is_said_of_data_where_a_name_is_worked_out():
    computed = "id: b, effect: allow, when: 'known(context.name, subject.id)'"
    assert checks(rules(USING, computed), ["users", "payees"]) == []
    assert checks(rules("id: b, effect: allow, when: 'lookup(context.name, \"k\").x'"), ["payees"]) == []


@pytest.mark.parametrize(
    ("when", "column"),
    [
        ("now > context.since", 0),
        ("context.on && (context.a || risk.score > '50')", 28),
        ("subject.id > 3", 0),
        ("context.a + 'x' > 3", 0),
        ("now.getHours('Europe/Berlin') < 8", 0),
        ("context.list.size() > 'a' || subject.id == 'root'", 0),
        ("risk.because.exists(b, b > 3)", 0),
        ("size(context.list)", 0),
    ],
)
def test_a_part_that_errs_on_every_sample_is_found_where_it_stands(when, column):
    (finding,) = found(f"rules:\n  - id: a\n    effect: allow\n    when: {when}\n")
    assert finding.check == "condition-always-errs"
    assert finding.diagnostic.hint == "it cannot help the rule to allow anything"
    assert (finding.diagnostic.place.line, finding.diagnostic.place.column) == (8, 11 + column)


def test_what_an_erring_condition_means_depends_on_the_effect():
    (finding,) = found(rules("id: a, effect: deny, reason: No., when: subject.id > 3"))
    assert finding.diagnostic.hint == "in a rule that would deny an error counts as matched"


@pytest.mark.parametrize(
    "when",
    [
        "action.properties.amount < 10000",
        "context.a + context.b == 'ab'",
        "context.a + context.b + context.c > 3",
        "context.a + context.b + context.c + context.d + size(context.e) > 3",
        "timestamp(context.since) < now",
        "timestamp(context.day + 'T00:00:00Z') < now",
        "duration(context.age) < duration('1h')",
        "int(context.n) > 3 && double(context.x) > 1.5 && uint(context.u) > 3u",
        "context.items.all(i, i.price > 3)",
        "context.items[0].price > 3",
        "context['a-b'].c > 3",
        "[context.a].exists(i, i.price > 3)",
        "(context.a).b > 3",
        "lookup('users', subject.id).level > 3",
        "known('users', subject.id)",
        "1 / (context.n / 1000) > 0",
        "context.n % 3 == 1",
        "context.mode == 'x' ? context.n > 3 : risk.score > 'a'",
        "now.getHours() > 8",
        "'admin' in subject.properties.roles",
        "'x' in subject.properties",
        "has(context.a.b) && context.a.b > 3",
        "!has(context.a) || context.a == null",
        "context.a.matches(context.b)",
        "threats.exists(t, t.id == 'x')",
        "approval.by == 'ann'",
        "caller.uid == 0 || caller.token_id == 'x'",
        "risk.score > 50 && risk.cvss.score > 7.5",
        "type(context.a) == string",
        "-context.n < 3",
        "true",
    ],
)
def test_a_condition_that_can_be_right_is_left_alone(when):
    assert checks(f"rules:\n  - id: a\n    effect: allow\n    when: {when!r}\n".replace("\\'", "'")) == []


def test_findings_come_by_place():
    body = rules("id: b, effect: deny", "id: a, effect: allow, when: subject.id > 3")
    assert [str(one.diagnostic.place) for one in found(body, ["payees"])] == [
        "data/payees.yaml:1:1",
        "policy.yaml:6:5",
        "policy.yaml:7:5",
        "policy.yaml:7:34",
    ]


def test_not_more_than_a_hundred_erring_conditions_are_told():
    many = [
        f"id: r{n}, effect: allow, match: {{actions: [a{n}]}}, when: subject.id > {n}" for n in range(120)
    ]
    assert checks(rules(*many)) == ["condition-always-errs"] * 100


PEOPLE = People(
    {
        "ann": Person(groups=("on-call", "treasury")),
        "bob": Person(groups=("on-call",)),
        "eve": Person(groups=("cfo",)),
    }
)


def stages(*lines):
    told = ", ".join(f"{{{line}}}" for line in lines)
    return f"rules:\n  - {{id: a, effect: approve, reason: x, approval: {{stages: [{told}]}}}}\n"


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        (
            "approvers: ['group:tresury']",
            "nobody in data/people.yaml is `group:tresury`",
            "did you mean `treasury`?",
        ),
        ("approvers: ['person:anne']", "nobody in data/people.yaml is `person:anne`", "did you mean `ann`?"),
        (
            "approvers: ['group:on-call', 'team:x']",
            "nobody in data/people.yaml is `team:x`",
            "approvers are `group:NAME` and `person:NAME`",
        ),
        (
            "approvers: ['group:cfo'], escalate: ['group:x']",
            "nobody in data/people.yaml is `group:x`",
            "known: cfo, on-call, treasury",
        ),
        (
            "approvers: ['group:on-call', 'person:ann'], quorum: 3",
            "3 people must approve, but no more than 2 could",
            "those whom this stage asks: ann, bob",
        ),
        (
            "approvers: ['group:on-call'], escalate: ['group:cfo'], quorum: 4",
            "4 people must approve, but no more than 3 could",
            "those whom this stage asks: ann, bob, eve",
        ),
    ],
)
def test_a_stage_that_nobody_or_too_few_could_answer_is_found(line, message, hint):
    (finding,) = found(stages("approvers: ['group:on-call'], quorum: 2", line), people=PEOPLE)
    assert (finding.check, finding.diagnostic.message) == ("nobody-to-approve", message)
    assert hint in finding.diagnostic.hint


@pytest.mark.parametrize(
    "line",
    [
        "approvers: ['group:on-call'], quorum: 2",
        "approvers: ['person:ann', 'group:cfo'], quorum: 2",
        "approvers: ['group:on-call'], escalate: ['group:cfo'], quorum: 3",
    ],
)
def test_a_stage_that_enough_could_answer_is_left_alone(line):
    assert checks(stages(line), people=PEOPLE) == []


def test_who_could_not_be_asked_is_found_where_it_stands():
    text = stages("approvers: ['group:cfo']", "approvers: ['group:cfo', 'group:x']", "approvers: ['group:y']")
    line = text.splitlines()[1]
    assert [
        (one.diagnostic.place.line, one.diagnostic.place.column) for one in found(text, people=PEOPLE)
    ] == [
        (6, line.index("'group:x'") + 1),
        (6, line.index("'group:y'") + 1),
    ]


def test_defaults_that_nobody_could_answer_are_found_once_at_their_own_place():
    holds = "id: a, effect: approve, reason: x", "id: b, effect: approve, reason: x, match: {actions: [a]}"
    (finding,) = found(rules(*holds), people=People({"ann": Person(groups=("ops",))}))
    assert "`group:on-call`" in finding.diagnostic.message
    assert (finding.diagnostic.place.line, finding.diagnostic.place.column) == (4, 45)


def test_where_no_people_are_named_nothing_is_said_of_approvers_but_where_nobody_is():
    text = stages("approvers: ['group:x'], quorum: 9")
    assert checks(text) == []
    assert checks(text, people=People({})) == ["nobody-to-approve"] * 2
