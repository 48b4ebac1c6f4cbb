"""What people granted: the holds of that name count as met, and whatever else was ruled stays as it was."""

from dataclasses import replace

import pytest

from sidecar.core.judge import judge
from sidecar.core.model import Caller, Code, Control, Decision, Verdict
from sidecar.core.platform import Reason, Scored, Unavailable
from sidecar.core.snapshot import Snapshot
from tests.tools.bundles import request, snapshot

NOW = 1_700_000_000.0
RISKY = "list_directory"  # scores 15


def rules(*lines: str, limits: str = "{}") -> Snapshot:
    told = "" if limits == "{}" else f"thresholds: {limits}, "
    defaults = f"defaults: {{{told}approval: {{stages: [{{approvers: ['group:ops']}}]}}}}\n"
    return snapshot("rules:\n" + "".join(f"  - {{{line}}}\n" for line in lines) + defaults)


def decide(shot: Snapshot, *granted: str, caller: Caller = Caller()) -> Decision:
    return judge(shot, request(RISKY), caller, NOW, granted=frozenset(granted))


ASK = (
    "id: ask, effect: approve, reason: Somebody must look., approval: {stages: [{approvers: ['group:one']}]}"
)
TWO = (
    "id: two, effect: approve, reason: Two must., approval: {stages: [{approvers: ['group:two'], quorum: 2}]}"
)
FREE = "id: free, effect: allow, reason: Free."


def test_a_rule_that_held_allows_once_people_approved():
    assert decide(rules(ASK)).verdict is Verdict.PENDING
    decision = decide(rules(ASK), "rule:ask")
    assert (decision.verdict, decision.code) == (Verdict.ALLOW, Code.APPROVED)
    assert decision.reason == "Approved by people under rule ask."
    assert (decision.rules, decision.stages) == (("ask",), ())


def test_rules_that_allow_are_told_beside_the_one_that_people_approved():
    decision = decide(rules(FREE, ASK), "rule:ask")
    assert (decision.code, decision.rules) == (Code.APPROVED, ("free", "ask"))
    assert decision.reason == "Approved by people under rule ask."


@pytest.mark.parametrize("granted", ["rule:other", "ask", "policy", "rule:", "rule:ASK", "risk", "rule:ask "])
def test_a_hold_of_another_name_is_not_met(granted):
    assert decide(rules(ASK), granted) == decide(rules(ASK))


def test_a_new_hold_is_pending_with_its_own_stages_only():
    decision = decide(rules(ASK, TWO), "rule:ask")
    assert (decision.verdict, decision.code) == (Verdict.PENDING, Code.APPROVAL_REQUIRED)
    assert (decision.rules, decision.reason) == (("two",), "Two must.")
    assert [stage.approvers for stage in decision.stages] == [("group:two",)]
    assert decide(rules(ASK, TWO), "rule:ask", "rule:two").verdict is Verdict.ALLOW


def test_a_deny_stays_one():
    denying = "id: no, effect: deny, reason: No."
    assert decide(rules(ASK, denying), "rule:ask", "rule:no", "policy") == decide(rules(ASK, denying))
    assert decide(rules(denying), "rule:no").code is Code.POLICY_DENIED


def test_a_rule_that_denies_meanwhile_is_no_hold_of_its_name():
    assert decide(rules("id: ask, effect: deny, reason: No."), "rule:ask").code is Code.POLICY_DENIED


def test_nothing_is_granted_to_what_no_rule_matches():
    other = "id: ask, effect: approve, reason: x, match: {actions: [other]}"
    assert decide(rules(other), "rule:ask").code is Code.NO_MATCHING_RULE


def test_a_condition_that_errs_holds_until_people_approve():
    erring = rules("id: ask, effect: approve, reason: x, when: context.x > 1")
    assert decide(erring).verdict is Verdict.PENDING
    assert (decide(erring, "rule:ask").code, len(decide(erring, "rule:ask").errors)) == (Code.APPROVED, 1)


def test_obligations_and_life_time_of_the_rule_that_held_go_with_the_approval():
    told = "id: ask, effect: approve, reason: x, valid_for: 5s, obligations: [{id: receipt, type: note}]"
    decision = decide(rules(FREE, told), "rule:ask")
    assert [obligation.id for obligation in decision.obligations] == ["receipt"]
    assert decision.valid_for == 5


def test_risk_lifts_the_limit_of_approval():
    shot = rules(FREE, limits="{approve: 10, deny: 16}")
    assert decide(shot).code is Code.RISK_NEEDS_APPROVAL
    decision = decide(shot, "risk")
    assert (decision.verdict, decision.code) == (Verdict.ALLOW, Code.APPROVED)
    assert decision.reason == (
        "The risk score 15 reaches the limit of 10 from which on a human must approve, and people approved."
    )
    assert [ruling.control for ruling in decision.rulings] == [Control.POLICY, Control.RISK]


def test_risk_never_lifts_the_limit_of_denial():
    shot = rules(FREE, limits="{approve: 10, deny: 15}")
    assert decide(shot, "risk") == decide(shot)
    assert decide(shot, "risk").code is Code.RISK_TOO_HIGH


def test_a_limit_that_is_not_reached_was_approved_by_nobody():
    assert decide(rules(FREE, limits="{approve: 16}"), "risk").code is Code.ALLOWED


def test_risk_and_rule_are_granted_each_for_itself():
    shot = rules(ASK, limits="{approve: 10}")
    by_rule, by_risk = decide(shot, "rule:ask"), decide(shot, "risk")
    assert (by_rule.verdict, by_rule.code) == (Verdict.PENDING, Code.RISK_NEEDS_APPROVAL)
    assert [stage.approvers for stage in by_rule.stages] == [("group:ops",)]
    assert (by_risk.verdict, by_risk.code) == (Verdict.PENDING, Code.APPROVAL_REQUIRED)
    assert [stage.approvers for stage in by_risk.stages] == [("group:one",)]
    both = decide(shot, "rule:ask", "risk")
    assert (both.code, both.reason) == (Code.APPROVED, "Approved by people under rule ask.")


def scored(verdict: Verdict, *granted: str, score: int = 0) -> Decision:
    facts = Scored(verdict, score, "act_1", "Because.")
    shot = rules(FREE + ", score: platform", limits="{approve: 50, deny: 90}")
    return judge(shot, request(RISKY), Caller(), NOW, granted=frozenset(granted), facts=facts)


def test_platform_lifts_its_hold_and_neither_its_deny_nor_what_its_score_does():
    assert scored(Verdict.PENDING).code is Code.PLATFORM_HOLD
    lifted = scored(Verdict.PENDING, "platform")
    assert (lifted.verdict, lifted.code) == (Verdict.ALLOW, Code.APPROVED)
    assert scored(Verdict.PENDING, "risk", "rule:free") == scored(Verdict.PENDING)
    assert scored(Verdict.PENDING, "platform", score=60).code is Code.RISK_NEEDS_APPROVAL
    assert scored(Verdict.PENDING, "platform", "risk", score=95).code is Code.RISK_TOO_HIGH
    assert scored(Verdict.DENY, "platform", "risk").code is Code.PLATFORM_DENIED


def test_an_answer_that_the_platform_owes_is_not_granted_by_people():
    shot = rules(FREE + ", score: platform")
    facts = Unavailable(Reason.REFUSED)
    decision = judge(shot, request(RISKY), Caller(), NOW, granted=frozenset({"platform"}), facts=facts)
    assert decision.code is Code.PLATFORM_UNAVAILABLE


def test_no_other_control_is_lifted_by_its_name():
    everything = [*(control.value for control in Control), "rule:free"]
    assert decide(Snapshot(), *everything).code is Code.NO_BUNDLE
    bound = snapshot("rules: [{id: free, effect: allow, reason: x}]\n", agents='"agent:a": {uids: [1000]}\n')
    assert decide(bound, *everything, caller=Caller(uid=1)).code is Code.CALLER_NOT_BOUND
    assert decide(Snapshot(bound.bundle, NOW, stale_at=NOW), *everything).code is Code.BUNDLE_STALE
    expired = replace(bound.bundle, expires_at=NOW)
    assert decide(Snapshot(expired, NOW), *everything).code is Code.BUNDLE_EXPIRED
