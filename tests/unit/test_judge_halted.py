"""The control of the kill switch: before policy and bundle, for all whom a request is done for, and when blind."""

import msgspec
import pytest

from sidecar.core.delegation import Lineage
from sidecar.core.judge import CONTROLS, judge
from sidecar.core.killswitch import Command, Halts, Kind, Order, Origin, Scope, scope
from sidecar.core.killswitch.halts import with_order
from sidecar.core.model import Caller, Code, Control, Subject, Verdict
from sidecar.core.policy.globs import compile_glob
from sidecar.core.snapshot import Snapshot
from tests.tools.bundles import request, snapshot

NOW = 1_700_000_000.0
ALLOW = "rules: [{id: all, effect: allow, reason: fine}]\n"
SIGHTLESS = "rules: [{id: all, effect: allow, reason: fine, allow_when_blind: true}]\n"
ASKING = (
    "{id: x, effect: approve, reason: x, allow_when_blind: true, "
    "approval: {stages: [{approvers: ['group:x']}]}}"
)
BLIND = Halts(is_blind=True, why_blind="nobody has said for 11 s what is halted")


def halted(*places, halts=Halts(), **changes):
    for number, place in enumerate(places):
        order = msgspec.structs.replace(Order(Command.BLOCK, place, f"c-{number}"), **changes)
        halts = with_order(halts, order, None)
    return halts


def decide(halts, rules=ALLOW, *, kin=None, granted=frozenset(), **parts):
    shot = snapshot(rules, agents='"agent:boss": {groups: [traders]}\n')
    shot = Snapshot(shot.bundle, shot.activated_at, halts=halts)
    return judge(shot, request(**parts), Caller(), NOW, granted=granted, kin=kin)


def test_what_is_not_halted_is_as_it_was():
    decision = decide(halted(Scope(Kind.AGENT, "other")))
    assert (decision.verdict, decision.code) == (Verdict.ALLOW, Code.ALLOWED)


def test_a_halted_agent_is_told_what_by_whom_and_why():
    halts = halted(Scope(Kind.AGENT, "a"), issued_by="ops", reason="it sent money twice")
    decision = decide(halts)
    assert (decision.verdict, decision.code) == (Verdict.DENY, Code.HALTED)
    assert decision.reason == "Halted by ops (agent a): it sent money twice"
    bare = decide(halted(Scope(Kind.ORGANIZATION)))
    assert bare.reason == "Halted (organization)."
    long = decide(halted(Scope(Kind.AGENT, "a"), reason="x" * 1000))
    assert len(long.reason) == 512


@pytest.mark.parametrize(
    "rules", [ALLOW, SIGHTLESS, "rules: [{id: no, effect: deny, reason: no}]\n", "rules: []\n"], ids=range(4)
)
def test_a_halt_comes_before_whatever_the_policy_says(rules):
    decision = decide(halted(Scope(Kind.AGENT, "a")), rules)
    assert (decision.verdict, decision.code) == (Verdict.DENY, Code.HALTED)


def test_a_halt_needs_no_bundle():
    shot = Snapshot(halts=halted(Scope(Kind.AGENT, "a")))
    assert judge(shot, request(), Caller(), NOW).code is Code.HALTED
    assert judge(shot, request(subject="agent:b"), Caller(), NOW).code is Code.NO_BUNDLE


def test_what_people_granted_is_halted_all_the_same():
    rules = "rules: [{id: ask, effect: approve, reason: x, approval: {stages: [{approvers: ['group:x']}]}}]\n"
    granted = frozenset({"rule:ask"})
    assert decide(Halts(), rules, granted=granted).verdict is Verdict.ALLOW
    assert decide(halted(Scope(Kind.AGENT, "a")), rules, granted=granted).code is Code.HALTED


@pytest.mark.parametrize(
    "place",
    [scope(Kind.AGENT, "boss"), scope(Kind.AGENTS, "agent:bo*"), scope(Kind.ORCHESTRATION, "boss"),
     scope(Kind.GROUP, "traders")],
    ids=str,
)  # fmt: skip
def test_who_acts_for_a_halted_agent_is_halted(place):
    kin = Lineage((Subject("agent", "boss"),))
    decision = decide(halted(place), kin=kin)
    assert (decision.verdict, decision.code) == (Verdict.DENY, Code.HALTED)
    assert decide(halted(place)).verdict is Verdict.ALLOW


def test_the_control_is_among_those_that_are_asked_of_the_agents_above_too():
    """An agent above that is blinded is denied the same, though who acts for it is not."""
    blind = msgspec.structs.replace(BLIND, blinded=(compile_glob("boss"),))
    assert decide(blind).verdict is Verdict.ALLOW
    decision = decide(blind, kin=Lineage((Subject("agent", "boss"),)))
    assert (decision.verdict, decision.code) == (Verdict.DENY, Code.DELEGATION_EXCEEDS_PARENT)
    assert BLIND.why_blind in decision.reason


def test_the_control_is_the_first_that_is_asked():
    assert CONTROLS[0][0] is Control.KILL_SWITCH


def test_what_is_lost_halts_everything():
    decision = decide(Halts(is_damaged=True), SIGHTLESS)
    assert (decision.verdict, decision.code) == (Verdict.DENY, Code.HALTED)
    assert "is lost" in decision.reason
    assert judge(Snapshot(halts=Halts(is_damaged=True)), request(), Caller(), NOW).code is Code.HALTED


def test_a_halt_that_is_over_is_none():
    assert decide(halted(Scope(Kind.AGENT, "a"), expires_at=NOW)).verdict is Verdict.ALLOW
    assert decide(halted(Scope(Kind.AGENT, "a"), expires_at=NOW + 1)).code is Code.HALTED


@pytest.mark.parametrize("origin", list(Origin))
def test_a_halt_counts_whoever_gave_it(origin):
    assert decide(halted(Scope(Kind.AGENT, "a"), origin=origin)).code is Code.HALTED


def test_who_is_blind_denies_and_says_why():
    decision = decide(BLIND)
    assert (decision.verdict, decision.code) == (Verdict.DENY, Code.KILL_SWITCH_BLIND)
    assert decision.reason == BLIND.why_blind


def test_rules_may_let_through_what_nobody_sees_and_never_what_is_halted():
    assert decide(BLIND, SIGHTLESS).verdict is Verdict.ALLOW
    assert decide(halted(Scope(Kind.AGENT, "a"), halts=BLIND), SIGHTLESS).code is Code.HALTED


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("{id: x, effect: allow, reason: x, match: {actions: [write]}, allow_when_blind: true}", Verdict.DENY),
        ("{id: x, effect: deny, reason: x, match: {actions: [write]}}", Verdict.ALLOW),
        ("{id: x, effect: allow, reason: x}", Verdict.DENY),
        ("{id: x, effect: approve, reason: x, approval: {stages: [{approvers: ['group:x']}]}}", Verdict.DENY),
        (ASKING, Verdict.PENDING),
    ],
    ids=range(5),
)  # fmt: skip
def test_every_rule_that_decides_must_let_it_through(rules, expected):
    plain = "{id: all, effect: allow, reason: fine, allow_when_blind: true}"
    if expected is Verdict.DENY and "write" in rules:
        plain = "{id: all, effect: allow, reason: fine}"
    assert decide(BLIND, f"rules: [{plain}, {rules}]\n").verdict is expected


def test_blindness_hits_whom_the_operator_names():
    for pattern, expected in (("a", Verdict.DENY), ("agent:*", Verdict.DENY), ("b", Verdict.ALLOW)):
        blind = msgspec.structs.replace(BLIND, blinded=(compile_glob(pattern),))
        assert decide(blind).verdict is expected
    assert decide(msgspec.structs.replace(BLIND, blinded=())).verdict is Verdict.ALLOW


def test_without_a_bundle_no_rule_lets_anything_through():
    decision = judge(Snapshot(halts=BLIND), request(), Caller(), NOW)
    assert decision.code is Code.KILL_SWITCH_BLIND
