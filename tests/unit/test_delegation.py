"""A child gets no more than the agents above it, no deeper than the bundle lets it, and only under its own parent."""

import pytest

from sidecar.core.delegation import DEPTH, PARENT, SESSION, Foreign, Lineage, standing
from sidecar.core.judge import judge, remote_need
from sidecar.core.model import Action, Caller, Code, Control, Request, Resource, Subject, Verdict
from tests.tools.bundles import snapshot

NOW = 1_700_000_000.0
ASK = "approval: {stages: [{approvers: ['group:x']}]}"
CHILD, BOSS, TOP = (Subject("agent", name) for name in ("child", "boss", "top"))
RULES = f"""
rules:
  - {{id: all, effect: allow, reason: fine}}
  - {{id: no-boss, match: {{subjects: ["agent:boss"], actions: [wipe]}}, effect: deny, reason: Never the boss.}}
  - {{id: ask-boss, match: {{subjects: ["agent:boss"], actions: [pay]}}, effect: approve, reason: Ask first.}}
defaults: {{{ASK}}}
"""


def asked(action: str = "read", **context) -> Request:
    return Request(CHILD, Action(action), Resource("thing", "t"), context)


def decide(request: Request, kin=None, rules: str = RULES, granted: frozenset[str] = frozenset(), **data):
    return judge(snapshot(rules, **data), request, Caller(), NOW, granted=granted, kin=kin)


def code(*args, **more) -> Code:
    return decide(*args, **more).code


def test_what_is_not_delegated_is_judged_as_ever():
    assert code(asked("wipe")) is Code.ALLOWED
    assert standing({"x": 1}, None) is None


@pytest.mark.parametrize("above", [(BOSS,), (TOP, BOSS), (BOSS, TOP), (TOP, TOP, BOSS)])
def test_what_an_agent_above_is_denied_is_denied(above):
    decision = decide(asked("wipe"), Lineage(above))
    assert (decision.verdict, decision.code) == (Verdict.DENY, Code.DELEGATION_EXCEEDS_PARENT)
    assert "Never the boss." in decision.reason
    assert code(asked(), Lineage(above)) is Code.ALLOWED


def test_what_is_denied_to_the_child_itself_says_so():
    rules = RULES.replace("agent:boss", "agent:*")
    assert code(asked("wipe"), Lineage((BOSS,)), rules) is Code.POLICY_DENIED


def test_every_control_looks_at_an_agent_above():
    bound = "'agent:boss': {uids: [7]}\n"
    decision = decide(asked(), Lineage((BOSS,)), agents=bound)
    assert decision.code is Code.DELEGATION_EXCEEDS_PARENT
    limited = "'agent:boss': {thresholds: {deny: 1}}\n"
    assert code(asked(), Lineage((BOSS,)), agents=limited) is Code.DELEGATION_EXCEEDS_PARENT


def test_where_an_agent_above_is_held_its_child_is_held_by_the_same_people():
    decision = decide(asked("pay"), Lineage((BOSS,)))
    assert (decision.verdict, decision.code) == (Verdict.PENDING, Code.DELEGATION_NEEDS_APPROVAL)
    assert [stage.approvers for stage in decision.stages] == [("group:x",)]


def test_an_approval_answers_the_hold_of_those_above_and_no_deny():
    granted = frozenset({Control.DELEGATION.value})
    decision = decide(asked("pay"), Lineage((BOSS,)), granted=granted)
    assert (decision.verdict, decision.code) == (Verdict.ALLOW, Code.APPROVED)
    assert code(asked("wipe"), Lineage((BOSS,)), granted=granted) is Code.DELEGATION_EXCEEDS_PARENT


def test_what_people_approved_for_the_child_they_did_not_approve_for_the_boss():
    rules = f"rules: [{{id: r, effect: approve, reason: x}}]\ndefaults: {{{ASK}}}\n"
    assert decide(asked(), None, rules, frozenset({"rule:r"})).verdict is Verdict.ALLOW
    assert decide(asked(), Lineage((BOSS,)), rules, frozenset({"rule:r"})).verdict is Verdict.PENDING
    both = frozenset({"rule:r", "delegation"})
    assert decide(asked(), Lineage((BOSS,)), rules, both).verdict is Verdict.ALLOW


def test_what_an_agent_above_must_do_besides_holds_below():
    rules = """
rules:
  - {id: all, effect: allow, reason: x, obligations: [{id: log, type: t, properties: {a: 1}}]}
  - id: boss
    match: {subjects: ["agent:boss"]}
    effect: allow
    valid_for: 5s
    obligations: [{id: log, type: t, properties: {a: 2}}, {id: tell, type: t}]
"""
    decision = decide(asked(), Lineage((BOSS,)), rules)
    assert [(one.id, one.properties) for one in decision.obligations] == [("log", {"a": 1}), ("tell", {})]
    assert decision.valid_for == 5


def test_a_parent_that_is_none_or_was_not_looked_up_is_a_deny():
    decision = decide(asked(**{PARENT: 7}), Foreign("It is not yours."))
    assert (decision.verdict, decision.code, decision.reason) == (
        Verdict.DENY,
        Code.FOREIGN_PARENT,
        "It is not yours.",
    )
    assert code(asked(**{PARENT: 7})) is Code.FOREIGN_PARENT
    assert code(asked(**{PARENT: "7"})) is Code.FOREIGN_PARENT
    assert code(asked(**{PARENT: 7}), Lineage((BOSS,))) is Code.ALLOWED
    assert code(asked(**{PARENT: None})) is Code.ALLOWED


@pytest.mark.parametrize("parent", [True, -1, 1.5, "", "x", "\uff11", "-1", "9" * 19, 10**18, [], {}])
def test_a_parent_that_is_no_number_of_a_decision_is_a_deny(parent):
    assert code(asked(**{PARENT: parent})) is Code.FOREIGN_PARENT


@pytest.mark.parametrize("session", ["", "s" * 257, 5, True, [], {"a": 1}])
def test_a_session_that_has_no_name_is_a_deny(session):
    assert code(asked(**{SESSION: session})) is Code.FOREIGN_PARENT


@pytest.mark.parametrize("depth", [True, -1, 1.5, "1", [], {}])
def test_a_depth_that_is_none_is_a_deny(depth):
    assert code(asked(**{DEPTH: depth})) is Code.DELEGATION_DEPTH_WRONG


@pytest.mark.parametrize(
    ("most", "depth", "expected"),
    [
        (5, 5, Code.ALLOWED),
        (5, 6, Code.DELEGATION_TOO_DEEP),
        (2, 2, Code.ALLOWED),
        (2, 3, Code.DELEGATION_TOO_DEEP),
        (0, 0, Code.ALLOWED),
        (0, 1, Code.DELEGATION_TOO_DEEP),
    ],
)
def test_deeper_than_the_bundle_lets_it_is_a_deny(most, depth, expected):
    rules = RULES.replace("defaults: {", f"defaults: {{max_depth: {most}, ")
    assert code(asked(**{DEPTH: depth}), rules=rules) is expected


def test_what_does_not_say_how_deep_it_is_is_one_below_its_parent():
    assert code(asked(), Lineage((BOSS,), 4)) is Code.ALLOWED
    assert code(asked(), Lineage((BOSS,), 5)) is Code.DELEGATION_TOO_DEEP
    assert standing({PARENT: 1}, Lineage((BOSS,), 4)).depth == 5


@pytest.mark.parametrize(
    ("above", "depth", "expected"),
    [
        (0, 0, Code.DELEGATION_DEPTH_WRONG),
        (0, 1, Code.ALLOWED),
        (0, 3, Code.ALLOWED),
        (2, 2, Code.DELEGATION_DEPTH_WRONG),
        (2, 3, Code.ALLOWED),
    ],
)
def test_a_child_is_deeper_than_its_parent(above, depth, expected):
    assert code(asked(**{PARENT: 1, DEPTH: depth}), Lineage((BOSS,), above)) is expected


def test_the_platform_is_asked_for_what_it_has_to_score_of_an_agent_above():
    rules = """
rules:
  - {id: all, effect: allow, reason: x}
  - {id: boss, match: {subjects: ["agent:boss"]}, effect: allow, score: platform, cache: 30s, reason: x}
"""
    shot = snapshot(rules)
    assert remote_need(shot, asked(), Caller(), NOW) is None
    assert remote_need(shot, asked(), Caller(), NOW, Lineage((BOSS,))).cache == 30
    assert code(asked(), Lineage((BOSS,)), rules) is Code.DELEGATION_EXCEEDS_PARENT


def test_the_platform_is_not_asked_about_what_is_refused_for_where_it_stands():
    shot = snapshot("rules: [{id: all, effect: allow, score: platform, reason: x}]")
    assert remote_need(shot, asked(), Caller(), NOW, Lineage((BOSS,), 0)) is not None
    assert remote_need(shot, asked(**{PARENT: 1}), Caller(), NOW, Foreign("another session")) is None
    assert remote_need(shot, asked(**{PARENT: 1, DEPTH: 0}), Caller(), NOW, Lineage((BOSS,), 0)) is None
