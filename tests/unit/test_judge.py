"""Each control bites, each fails closed, and a decision exists only when all have ruled."""

import msgspec
import pytest

from sidecar.core.case import Case
from sidecar.core.judge import CONTROLS, conclude, judge
from sidecar.core.model import Caller, Code, Control, Ruling, Verdict
from sidecar.core.snapshot import Snapshot
from tests.tools.bundles import request, snapshot

NOW = 1_700_000_000.0
ALLOW_ALL = "rules: [{id: all, effect: allow, reason: fine}]\n"
BOUND = '"agent:a": {uids: [1000], tokens: ["' + "ab" * 32 + '"]}\n'


def decide(shot: Snapshot, caller: Caller = Caller(), **parts):
    return judge(shot, request(**parts), caller, NOW)


def test_an_allow_says_which_rule_and_revision_it_is_of():
    decision = decide(snapshot(ALLOW_ALL))
    assert (decision.verdict, decision.code, decision.reason) == (Verdict.ALLOW, Code.ALLOWED, "fine")
    assert decision.rules == ("all",)
    assert decision.revision.startswith("unsigned:")
    assert decision.expires_at == NOW + 60


def test_without_a_bundle_everything_is_denied():
    decision = decide(Snapshot())
    assert (decision.verdict, decision.code) == (Verdict.DENY, Code.NO_BUNDLE)


def test_without_a_matching_rule_nothing_is_consent():
    decision = decide(snapshot("rules: [{id: other, match: {actions: [write]}, effect: allow, reason: x}]\n"))
    assert (decision.verdict, decision.code) == (Verdict.DENY, Code.NO_MATCHING_RULE)


@pytest.mark.parametrize(
    ("caller", "admitted"),
    [
        (Caller(uid=1000, gid=5), True),
        (Caller(token_id="ab" * 32), True),
        (Caller(uid=1001), False),
        (Caller(uid=0), False),
        (Caller(), False),
        (Caller(token_id="cd" * 32), False),
    ],
)
def test_a_bound_subject_can_be_claimed_by_its_callers_only(caller, admitted):
    decision = decide(snapshot(ALLOW_ALL, agents=BOUND), caller)
    assert (decision.verdict is Verdict.ALLOW) == admitted
    if not admitted:
        assert decision.code is Code.CALLER_NOT_BOUND


def test_a_subject_that_is_not_bound_is_anybodys():
    assert decide(snapshot(ALLOW_ALL, agents=BOUND), subject="agent:b").verdict is Verdict.ALLOW


@pytest.mark.parametrize(
    ("limits", "verdict", "code"),
    [
        ("{approve: 15}", Verdict.PENDING, Code.RISK_NEEDS_APPROVAL),
        ("{approve: 16}", Verdict.ALLOW, Code.ALLOWED),
        ("{approve: 10, deny: 15}", Verdict.DENY, Code.RISK_TOO_HIGH),
        ("{deny: 16}", Verdict.ALLOW, Code.ALLOWED),
    ],
)
def test_a_limit_holds_from_its_score_on(limits, verdict, code):
    stages = "{stages: [{approvers: ['group:x'], within: 5m}]}"
    shot = snapshot(ALLOW_ALL + f"defaults: {{thresholds: {limits}, approval: {stages}}}\n")
    decision = decide(shot, action="list_directory")
    assert decision.risk.score == 15
    assert (decision.verdict, decision.code) == (verdict, code)
    assert bool(decision.stages) == (verdict is Verdict.PENDING)


def test_limits_come_from_the_rule_else_the_agent_else_the_defaults():
    defaults = "defaults: {thresholds: {deny: 10}, approval: {stages: [{approvers: ['group:x']}]}}\n"
    agents = '"agent:a": {thresholds: {deny: 90}}\n'
    assert decide(snapshot(ALLOW_ALL + defaults), action="list_directory").verdict is Verdict.DENY
    assert (
        decide(snapshot(ALLOW_ALL + defaults, agents=agents), action="list_directory").verdict
        is Verdict.ALLOW
    )
    strict = "rules: [{id: all, effect: allow, reason: x, thresholds: {deny: 5}}]\n"
    assert decide(snapshot(strict + defaults, agents=agents), action="list_directory").verdict is Verdict.DENY


def test_a_rule_that_sets_one_limit_leaves_the_other_as_it_was():
    rule = "rules: [{id: all, effect: allow, reason: x, thresholds: {approve: 95}}]\n"
    defaults = "defaults: {thresholds: {deny: 10}, approval: {stages: [{approvers: ['group:x']}]}}\n"
    assert decide(snapshot(rule + defaults), action="list_directory").verdict is Verdict.DENY


def test_the_stages_of_a_hold_are_those_of_every_ruling_that_held_once_each():
    rules = """
rules:
  - {id: a, effect: approve, reason: x, approval: {stages: [{approvers: ["group:one"], within: 5m}]}}
  - {id: b, effect: approve, reason: y, approval: {stages: [{approvers: ["group:two"], within: 5m}]}}
defaults: {thresholds: {approve: 1}, approval: {stages: [{approvers: ["group:one"], within: 5m}]}}
"""
    decision = decide(snapshot(rules), action="list_directory")
    assert [stage.approvers for stage in decision.stages] == [("group:one",), ("group:two",)]


def rulings() -> list[Ruling]:
    return [Ruling(control, Verdict.ALLOW, Code.ALLOWED) for control in Control]


def case() -> Case:
    return Case(Snapshot(), request(), Caller(), 0.0, None, None, None)


@pytest.mark.parametrize("absent", list(Control))
def test_a_missing_ruling_is_a_deny(absent):
    left = [ruling for ruling in rulings() if ruling.control is not absent]
    decision = conclude(case(), left, NOW)
    assert (decision.verdict, decision.code) == (Verdict.DENY, Code.MISSING_RULING)


def test_a_ruling_given_twice_does_not_stand_in_for_a_missing_one():
    given = rulings()
    decision = conclude(case(), [given[0], given[0], *given[2:]], NOW)
    assert decision.code is Code.MISSING_RULING


@pytest.mark.parametrize("control", list(Control))
@pytest.mark.parametrize("verdict", [Verdict.PENDING, Verdict.DENY])
def test_the_strictest_ruling_decides_whichever_control_it_comes_from(control, verdict):
    given = [
        msgspec.structs.replace(ruling, verdict=verdict, code=Code.POLICY_DENIED)
        if ruling.control is control
        else ruling
        for ruling in rulings()
    ]
    assert conclude(case(), given, NOW).verdict is verdict


def test_every_control_is_asked():
    assert tuple(control for control, _ in CONTROLS) == tuple(Control)


@pytest.mark.parametrize("index", range(len(CONTROLS)))
def test_a_control_that_has_nothing_to_go_by_denies(index):
    """Of a case without bundle, risk and policy each control that goes by these makes a deny."""
    control, rule = CONTROLS[index]
    ruling = rule(case())
    expected = Verdict.ALLOW if control in {Control.CALLER, Control.KILL_SWITCH} else Verdict.DENY
    assert (ruling.control, ruling.verdict) == (control, expected)


def test_a_finding_that_fails_denies_and_is_named():
    """A request that cannot be examined: its action has no name that could be matched."""
    broken = msgspec.structs.replace(request(), action=None)
    decision = judge(snapshot(ALLOW_ALL), broken, Caller(), NOW)
    assert (decision.verdict, decision.code) == (Verdict.DENY, Code.INTERNAL_ERROR)
    assert decision.errors == ("AttributeError",)
