"""Evaluation: how rules combine, what conditions see, and that an error never loosens a rule."""

import pytest

from sidecar.core.model import Attack, Caller, Code, Cvss, Nist, Obligation, Risk, Stage, Thresholds, Verdict
from sidecar.core.policy import Inputs, PolicyResult
from sidecar.core.policy.condition import Condition, ConditionError
from tests.fakes.policies import inputs, request, table

RISK = Risk(
    40, "medium", "read", ("base 40",), Cvss("CVSS:3.1/AV:L", 5.0), Nist("low", "low", "low"), Attack("", "")
)
DATA = {"users": {"ann": {"roles": ["admin"]}}, "payees": {"acme": {}}}
ASK = "defaults: {approval: {stages: [{approvers: ['group:on-call']}]}}\n"


def decide(body: str, asked: Inputs | None = None) -> PolicyResult:
    return table(body, DATA).evaluate(asked or inputs())


def condition_of(when: str, effect: str, asked: Inputs | None = None) -> PolicyResult:
    return decide(f"rules:\n  - id: r\n    effect: {effect}\n    when: |\n      {when}\n{ASK}", asked)


def test_nothing_is_not_consent():
    result = decide("rules: []")
    assert (result.verdict, result.code, result.rules) == (Verdict.DENY, Code.NO_MATCHING_RULE, ())


@pytest.mark.parametrize(
    ("effects", "verdict", "code", "rules"),
    [
        ("a", Verdict.ALLOW, Code.ALLOWED, ("r0",)),
        ("aa", Verdict.ALLOW, Code.ALLOWED, ("r0", "r1")),
        ("ap", Verdict.PENDING, Code.APPROVAL_REQUIRED, ("r1",)),
        ("apd", Verdict.DENY, Code.POLICY_DENIED, ("r2",)),
        ("dad", Verdict.DENY, Code.POLICY_DENIED, ("r0", "r2")),
    ],
)
def test_the_strictest_effect_wins_and_its_rules_decide(
    effects: str, verdict: Verdict, code: Code, rules: tuple
):
    words = {"a": "allow", "p": "approve", "d": "deny"}
    written = ", ".join(f"{{id: r{i}, effect: {words[e]}}}" for i, e in enumerate(effects))
    result = decide(f"rules: [{written}]\n{ASK}")
    assert (result.verdict, result.code, result.rules) == (verdict, code, rules)


@pytest.mark.parametrize(
    ("match", "matches"),
    [
        ("{}", True),
        ("{subjects: ['agent:a']}", True),
        ("{subjects: ['agent:b', 'agent:*']}", True),
        ("{subjects: ['user:a']}", False),
        ("{subjects: ['*:a']}", True),
        ("{actions: [write, read]}", True),
        ("{actions: ['re*']}", True),
        ("{actions: [write]}", False),
        ("{resources: ['db:t']}", True),
        ("{resources: ['db:']}", False),
        ("{resources: ['d*:?']}", True),
        ("{subjects: ['agent:a'], actions: [read], resources: ['file:*']}", False),
    ],
)
def test_a_missing_key_matches_everything_and_lists_are_any_of(match: str, matches: bool):
    result = decide(f"rules: [{{id: r, effect: allow, match: {match}}}]")
    assert (result.verdict is Verdict.ALLOW) is matches


def test_a_colon_in_a_name_does_not_move_the_border_between_type_and_id():
    body = "rules: [{id: r, effect: allow, match: {resources: ['a:b:c']}}]"
    asked = request(resource="a:b:c")
    assert decide(body, inputs(asked)).verdict is Verdict.ALLOW
    other = type(asked)(asked.subject, asked.action, type(asked.resource)("a:b", "c"), {})
    assert decide(body, inputs(other)).verdict is Verdict.DENY


def test_names_are_compared_in_nfc():
    body = "rules: [{id: r, effect: deny, match: {resources: ['db:caf\u00e9']}}, {id: s, effect: allow}]"
    assert decide(body, inputs(request(resource="db:cafe\u0301"))).verdict is Verdict.DENY


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ("action.properties.amount < 10000", True),
        ("action.properties.amount >= 10000", False),
        ("action == {'name': 'pay', 'properties': {'amount': 500, 'tags': ['x', 'y']}}", True),
        ("size(action.properties) == 2", True),
        ("action.properties.tags.exists(t, t == 'y')", True),
        ("action.properties['amount'] == 500 && action.properties.amount == 500", True),
        ("has(action.properties.amount) && !has(action.properties.currency)", True),
        ("'amount' in action.properties", True),
        ("subject.type == 'agent' && subject.id == 'ann' && resource.type == 'bank'", True),
        ("context.ip.startsWith('10.')", True),
        ("context.deep.er == 1 && has(context.deep) && !has(context.deep.nothing)", True),
        ("risk.score == 40 && risk.level == 'medium' && risk.cvss.score == 5.0", True),
        ("risk.because.exists(b, b.contains('40')) && risk == risk", True),
        ("caller.uid == 1000 && !has(caller.gid)", True),
        ("now == timestamp('2026-01-01T00:00:00Z')", True),
        ("threats.exists(t, t.id == 'T1')", True),
        ("approval.by == 'ann'", True),
        ("known('payees', resource.id) && !known('payees', subject.id)", True),
        ("'admin' in lookup('users', subject.id).roles", True),
        ("type(1) == int && type(resource.id) == string", True),
    ],
)
def test_conditions_see_the_request_and_the_data(when: str, holds: bool):
    asked = request(
        "agent:ann",
        "pay",
        "bank:acme",
        did={"amount": 500, "tags": ["x", "y"]},
        context={"ip": "10.0.0.1", "deep": {"er": 1}},
    )
    everything = Inputs(asked, RISK, Caller(uid=1000), 1767225600.0, ({"id": "T1"},), {"by": "ann"})
    result = condition_of(when, "allow", everything)
    assert (result.errors, result.verdict is Verdict.ALLOW) == ((), holds)


@pytest.mark.parametrize(
    ("when", "why"),
    [
        ("action.properties.amount > 1", "`action.properties.amount` is absent"),
        ("action.properties[context.key] > 1", "a key is absent"),
        ("context.list[7] == 1", "an index is out of bounds"),
        ("context.word < 5", "the types of the operands do not fit"),
        ("context.five / 0 == 1", "division by zero"),
        ("context.huge + 1 > 0", "a number does not fit in 64 bits"),
        ("context.word", "the result is neither true nor false"),
        ("int(context.word) == 1", "a function failed"),
        ("lookup('users', 'bob').roles == []", "a function failed"),
        ("lookup(context.word, 'bob').roles == []", "a function failed"),
        ("known(context.word, 'bob')", "a function failed"),
        ("known('users', context.five)", "a function failed"),
        ("risk.score > 1", "`risk.score` is absent"),
        ("approval.by == 'x'", "`approval.by` is absent"),
        ("caller.uid == 0", "`caller.uid` is absent"),
        ("context.odd == 'x'", "the request has a value that conditions cannot read"),
    ],
)
@pytest.mark.parametrize(
    ("effect", "verdict", "code"),
    [
        ("allow", Verdict.DENY, Code.NO_MATCHING_RULE),
        ("approve", Verdict.PENDING, Code.APPROVAL_REQUIRED),
        ("deny", Verdict.DENY, Code.POLICY_DENIED),
    ],
)
def test_a_condition_that_errs_matches_unless_its_rule_would_allow(
    when: str, why: str, effect: str, verdict: Verdict, code: Code
):
    context = {"key": "s3cret", "list": [1], "word": "s3cret", "five": 5, "huge": 2**63 - 1, "odd": "\ud800"}
    result = condition_of(when, effect, inputs(request(context=context)))
    assert (result.verdict, result.code, result.errors) == (verdict, code, (f"r: {why}",))
    assert "s3cret" not in str(result)


def test_an_error_that_and_or_or_absorbs_is_none():
    assert condition_of("true || action.properties.x == 1", "allow").verdict is Verdict.ALLOW
    assert condition_of("false && action.properties.x == 1", "deny").errors == ()


class PanicException(BaseException):
    """As a panic in Rust code comes out of the binding: no Exception."""


class Program:
    """A program that ends as it is told to."""

    def __init__(self, end: BaseException) -> None:
        self._end = end

    def execute(self, context: object) -> object:
        raise self._end


def test_a_panic_in_the_engine_is_an_error_but_a_request_to_stop_is_not():
    with pytest.raises(ConditionError, match="broke down"):
        Condition("x", Program(PanicException()), {}, {}, calls_data=False).holds(None)
    with pytest.raises(KeyboardInterrupt):
        Condition("x", Program(KeyboardInterrupt()), {}, {}, calls_data=False).holds(None)


def test_a_value_that_no_condition_reads_disturbs_none():
    body = "rules: [{id: r, effect: allow, when: subject.id == 'a'}]"
    assert decide(body, inputs(request(of={"odd": "\ud800"}))).verdict is Verdict.ALLOW


def test_missing_entries_leave_no_trace_in_the_log(caplog: pytest.LogCaptureFixture):
    condition_of("lookup('users', 's3cret').x == 1", "deny")
    assert caplog.records == []


def test_the_actions_that_rules_spell_out_are_listed():
    body = "rules: [{id: a, effect: allow, match: {actions: [read, 'db.*', 'a\\*b']}}, {id: b, effect: deny}]"
    assert table(body).actions == ("a*b", "read")


def test_the_strictest_thresholds_of_the_matching_allow_rules_hold():
    body = """
rules:
  - {id: a, effect: allow, thresholds: {approve: 70, deny: 90}}
  - {id: b, effect: allow, thresholds: {deny: 80}}
  - {id: c, effect: allow}
"""
    assert decide(body + ASK).thresholds == Thresholds(70, 80)
    assert decide("rules: [{id: c, effect: allow}]").thresholds is None


def test_an_allow_lasts_as_long_as_the_shortest_of_its_rules():
    assert decide("rules: [{id: a, effect: allow, valid_for: 10s}, {id: b, effect: allow}]").valid_for == 10.0
    assert decide("rules: [{id: a, effect: allow, valid_for: 10m}, {id: b, effect: allow}]").valid_for == 60.0
    assert decide("rules: [{id: a, effect: allow, valid_for: 10m}]").valid_for == 600.0


def test_obligations_are_those_of_the_deciding_rules_each_kind_once():
    body = """
rules:
  - {id: a, effect: allow, obligations: [{id: o, type: t, properties: {n: 1}}, {id: p, type: t}]}
  - {id: b, effect: allow, obligations: [{id: o, type: t, properties: {n: 2}}]}
  - {id: c, effect: deny, match: {actions: [write]}, obligations: [{id: q, type: t}]}
"""
    assert decide(body).obligations == (Obligation("o", "t", {"n": 1}), Obligation("p", "t"))
    assert decide(body, inputs(request(action="write"))).obligations == (Obligation("q", "t"),)


def test_equal_stages_are_asked_once():
    body = """
rules:
  - {id: a, effect: approve}
  - {id: b, effect: approve}
  - {id: c, effect: approve, approval: {stages: [{approvers: ["group:cfo"], quorum: 2}]}}
"""
    stages = decide(body + ASK).stages
    assert stages == (Stage(("group:on-call",)), Stage(("group:cfo",), 2))


def test_reasons_are_joined_each_once_and_bounded():
    said = ", ".join(f"{{id: {word}, effect: deny, reason: {word}.}}" for word in ("One", "Two"))
    assert decide(f"rules: [{said}, {{id: again, effect: deny, reason: One.}}]").reason == "One. Two."
    many = ", ".join(f"{{id: r{i}, effect: deny, reason: {'x' * 100}{i}}}" for i in range(20))
    assert len(decide(f"rules: [{many}]").reason) == 512
    assert decide("rules: [{id: a, effect: deny}]").reason == "Denied by rule a."
