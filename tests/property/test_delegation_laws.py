"""Laws of delegation: a child gets no more than any agent above it would get for the same, whatever the policy."""

from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.delegation import DEPTH, PARENT, Lineage
from sidecar.core.judge import judge
from sidecar.core.model import Action, Caller, Control, Request, Resource, Subject, Verdict
from sidecar.core.platform import Reason, Scored, Unavailable
from sidecar.core.replay import Replay
from tests.fakes.replaying import NOW, logged, recorded
from tests.tools.bundles import snapshot

AGENTS = [Subject("agent", name, {"level": level}) for name in "abc" for level in (1, 2)]
EFFECTS = st.sampled_from(["allow", "allow", "approve", "deny"])
SUBJECTS = st.sampled_from(["agent:*", "agent:a", "agent:b", "agent:c"])
WHENS = st.sampled_from(["", ", when: subject.properties.level == 2", ", when: risk.score > 30"])
SCORES = st.sampled_from(["", ", score: platform", ", score: platform, on_platform_unavailable: local"])
RULES = st.lists(st.tuples(EFFECTS, SUBJECTS, WHENS, SCORES), min_size=1, max_size=4)
LIMITS = st.sampled_from(["", "thresholds: {approve: 20}, ", "thresholds: {approve: 5, deny: 40}, "])
BOUND = st.sampled_from(["{}\n", "'agent:a': {uids: [7]}\n", "'agent:b': {thresholds: {deny: 30}}\n"])
ACTIONS = st.sampled_from(["list_directory", "read", "delete_file"])
FACTS = st.sampled_from(
    [None, Unavailable(Reason.REFUSED), *(Scored(verdict, 30, "1", "said") for verdict in Verdict)]
)
ABOVE = st.lists(st.sampled_from(AGENTS), max_size=4)
STAGES = "approval: {stages: [{approvers: ['group:x']}]}"


def shot(rules, limits, agents):
    lines = [
        f"  - {{id: r{index}, effect: {effect}, match: {{subjects: ['{who}']}}, reason: x{when}{score}}}\n"
        for index, (effect, who, when, score) in enumerate(rules)
    ]
    return snapshot("rules:\n" + "".join(lines) + f"defaults: {{{limits}{STAGES}}}\n", agents=agents)


def asked(subject: Subject, action: str, depth: int | None = None) -> Request:
    context = {} if depth is None else {DEPTH: depth}
    return Request(subject, Action(action), Resource("thing", "t"), context)


CASES = {
    "rules": RULES,
    "limits": LIMITS,
    "agents": BOUND,
    "child": st.sampled_from(AGENTS),
    "above": ABOVE,
    "action": ACTIONS,
    "facts": FACTS,
}


@given(**CASES)
def test_a_child_gets_exactly_the_strictest_of_what_all_would_get(
    rules, limits, agents, child, above, action, facts
):
    here = shot(rules, limits, agents)
    own, *theirs = (
        judge(here, asked(subject, action), Caller(uid=7), NOW, facts=facts).verdict
        for subject in (child, *above)
    )
    kin = Lineage(tuple(above))
    together = judge(here, asked(child, action), Caller(uid=7), NOW, facts=facts, kin=kin).verdict
    assert together is max((own, *theirs))


@given(**CASES, granted=st.frozensets(st.sampled_from(["rule:r0", "rule:r1", "risk", "platform"])))
def test_no_grant_but_that_for_those_above_loosens_what_they_get(
    rules, limits, agents, child, above, action, facts, granted
):
    here, kin = shot(rules, limits, agents), Lineage(tuple(above))
    theirs = [
        judge(here, asked(subject, action), Caller(uid=7), NOW, facts=facts).verdict for subject in above
    ]
    request = asked(child, action)
    for met in (granted, granted | {Control.DELEGATION.value}):
        got = judge(here, request, Caller(uid=7), NOW, None, met, facts, kin).verdict
        assert got is Verdict.DENY or Verdict.DENY not in theirs
        assert Control.DELEGATION.value in met or got >= max(theirs, default=Verdict.ALLOW)


@given(**CASES, depth=st.none() | st.integers(0, 7), most=st.integers(0, 5), above_at=st.integers(0, 6))
def test_nothing_is_allowed_too_deep_or_no_deeper_than_its_parent(
    rules, limits, agents, child, above, action, facts, depth, most, above_at
):
    here = shot(rules, f"max_depth: {most}, {limits}", agents)
    kin = Lineage(tuple(above), above_at)
    decision = judge(here, asked(child, action, depth), Caller(uid=7), NOW, facts=facts, kin=kin)
    effective = above_at + 1 if depth is None else depth
    if effective > most or effective <= above_at:
        assert decision.verdict is Verdict.DENY


@given(**CASES, depth=st.none() | st.integers(0, 6))
def test_under_its_own_bundle_what_was_delegated_is_decided_again_the_same(
    rules, limits, agents, child, above, action, facts, depth
):
    here, kin = shot(rules, limits, agents), Lineage(tuple(above))
    request = asked(child, action, depth)
    request.context[PARENT] = 7
    record = recorded(here.bundle, request, Caller(uid=7), kin=kin, facts=facts)
    replay = Replay(here.bundle)
    replay.take(logged(record))
    assert replay.same == 1 or replay.skipped.keys() == {"no_platform_answer"}
