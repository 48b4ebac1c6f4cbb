"""Laws of grants: they lift the holds of their names and nothing else, whatever the rules and whoever asks."""

from dataclasses import replace

import msgspec
from hypothesis import event, given, settings
from hypothesis import strategies as st

from sidecar.core.approval import holds_of
from sidecar.core.caller import Agent, Agents
from sidecar.core.judge import judge
from sidecar.core.model import Caller, Control, Decision, Request, Thresholds, Verdict
from sidecar.core.policy import Effect, Inputs
from sidecar.core.snapshot import Snapshot
from tests.fakes.policies import table
from tests.fakes.replaying import NOW, recorded, replayed
from tests.tools.bundles import bundle, request

BASE = bundle("rules: [{id: base, effect: allow, reason: x}]\n")
IDS = [f"r{number}" for number in range(4)]
rule = st.fixed_dictionaries(
    {"effect": st.sampled_from(["allow", "approve", "approve", "deny"])},
    optional={
        "match": st.sampled_from(
            [{"actions": ["read"]}, {"actions": ["write", "del*"]}, {"subjects": ["agent:*"]}]
        ),
        "when": st.sampled_from(["action.properties.n > 3", "context.x == 'a'", "risk.score > 30"]),
        "approval": st.integers(1, 3).map(
            lambda quorum: {"stages": [{"approvers": ["group:own"], "quorum": quorum}]}
        ),
        "thresholds": st.sampled_from([{"approve": 5}, {"approve": 20, "deny": 60}, {"deny": 40}]),
        "valid_for": st.sampled_from(["5s", "2m"]),
        "obligations": st.sampled_from([[{"id": "a", "type": "t"}], [{"id": "b", "type": "t"}]]),
    },
)
rules = st.lists(rule, min_size=1, max_size=4)
limits = st.sampled_from([None, {"approve": 1}, {"approve": 10, "deny": 30}, {"deny": 12}])
requests = st.builds(
    request,
    st.sampled_from(["read", "write", "delete", "list_directory"]),
    st.sampled_from(["agent:a", "agent:b", "user:c"]),
    n=st.sampled_from([1, 5, "five"]),
)
callers = st.builds(Caller, uid=st.sampled_from([None, 1000, 1001]))
grants = st.frozensets(
    st.sampled_from([*(f"rule:{one}" for one in IDS), *IDS, "rule:gone", *(c.value for c in Control)])
)
FITTING = {"approval": {"approve"}, "thresholds": {"allow"}, "valid_for": {"allow", "approve"}}


def fitting(one: dict) -> dict:
    """The rule without the keys that its effect has no use for, which would not load."""
    return {key: value for key, value in one.items() if one["effect"] in FITTING.get(key, {one["effect"]})}


def snapshot_of(rules: list[dict], limits: dict | None) -> Snapshot:
    """The rules under the tables of the package, which are read once; `agent:b` is bound and has a limit."""
    named = [{"id": name, "reason": "x", **fitting(one)} for name, one in zip(IDS, rules, strict=False)]
    defaults = {"approval": {"stages": [{"approvers": ["group:default"]}]}}
    if limits:
        defaults["thresholds"] = limits
    body = (
        f"rules: {msgspec.json.encode(named).decode()}\ndefaults: {msgspec.json.encode(defaults).decode()}\n"
    )
    agents = Agents({"agent:b": Agent(uids=(1000,), thresholds=Thresholds(approve=5, deny=50))})
    return Snapshot(replace(BASE, policies=table(body, paths=BASE.risk.paths), agents=agents))


snapshots = st.builds(snapshot_of, rules, limits)


def decide(shot: Snapshot, asked: Request, caller: Caller, granted: frozenset[str]) -> Decision:
    return judge(shot, asked, caller, NOW, granted=granted)


def verdict_by_hand(shot: Snapshot, asked: Request, caller: Caller, granted: frozenset[str]) -> Verdict:
    """The strictest of what rules and controls say, each asked alone, but for the holds of these names."""
    ungranted = decide(shot, asked, caller, frozenset())
    said = [
        ruling.verdict
        for ruling in ungranted.rulings
        if ruling.control is not Control.POLICY
        and (ruling.verdict is Verdict.DENY or ruling.control.value not in granted)
    ]
    findings = shot.bundle.policies.explain(Inputs(asked, ungranted.risk, caller, NOW))
    effects = [
        Effect.ALLOW if one.effect is Effect.APPROVE and f"rule:{one.rule}" in granted else one.effect
        for one in findings
        if one.matched
    ]
    words = {Effect.ALLOW: Verdict.ALLOW, Effect.APPROVE: Verdict.PENDING, Effect.DENY: Verdict.DENY}
    return max([*said, *(words[effect] for effect in effects)]) if effects else Verdict.DENY


@settings(max_examples=400)
@given(shot=snapshots, asked=requests, caller=callers, granted=grants)
def test_a_verdict_with_grants_is_what_the_rest_says(shot, asked, caller, granted):
    verdict = decide(shot, asked, caller, granted).verdict
    event(verdict.word)
    assert verdict is verdict_by_hand(shot, asked, caller, granted)


@given(shot=snapshots, asked=requests, caller=callers, granted=grants, more=grants)
def test_grants_never_make_a_deny_of_anything_nor_anything_of_a_deny(shot, asked, caller, granted, more):
    none, some, all_ = (decide(shot, asked, caller, held) for held in (frozenset(), granted, granted | more))
    assert none.verdict >= some.verdict >= all_.verdict
    assert (none.verdict is Verdict.DENY) == (all_.verdict is Verdict.DENY)
    if none.verdict is Verdict.DENY:
        assert (all_.code, all_.reason) == (none.code, none.reason)


@given(shot=snapshots, asked=requests, caller=callers, granted=grants)
def test_only_grants_of_what_held_change_anything(shot, asked, caller, granted):
    held = frozenset(holds_of(decide(shot, asked, caller, frozenset())))
    assert decide(shot, asked, caller, granted) == decide(shot, asked, caller, granted & held)


@given(shot=snapshots, asked=requests, caller=callers, granted=grants)
def test_what_still_holds_asks_for_its_own_stages_and_for_nothing_granted(shot, asked, caller, granted):
    decision = decide(shot, asked, caller, granted)
    if decision.verdict is not Verdict.PENDING:
        assert decision.stages == ()
        return
    holds = holds_of(decision)
    assert holds
    assert not granted & {*holds}
    stages = {compiled.rule.id: compiled.rule.stages for compiled in shot.bundle.policies.rules}
    stages["risk"] = shot.bundle.policies.defaults.stages
    own = [stage for hold in holds for stage in stages[hold.removeprefix("rule:")]]
    assert decision.stages == tuple(dict.fromkeys(own))


@given(shot=snapshots, asked=requests, caller=callers)
def test_once_all_that_held_is_granted_it_is_allowed(shot, asked, caller):
    before = decide(shot, asked, caller, frozenset())
    after = decide(shot, asked, caller, frozenset(holds_of(before)))
    assert (before.verdict, after.verdict) in {
        (Verdict.ALLOW, Verdict.ALLOW),
        (Verdict.PENDING, Verdict.ALLOW),
        (Verdict.DENY, Verdict.DENY),
    }


@given(shot=snapshots, asked=requests, caller=callers, granted=grants)
def test_a_record_with_its_grants_is_judged_again_as_it_was(shot, asked, caller, granted):
    found = replayed(shot.bundle, recorded(shot.bundle, asked, caller, granted=tuple(sorted(granted))))
    assert (found.same, found.others, found.replayed) == (1, 0, 1)
