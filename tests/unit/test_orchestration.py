"""Parents are found in memory and in the log, are the caller's own, and were allowed; sessions add up."""

import pytest

from sidecar.core.approval import Choice
from sidecar.core.delegation import DEPTH, PARENT, SESSION
from sidecar.core.model import Action, Caller, Code, Door, Request, Resource, Subject, Verdict
from sidecar.core.platform import Reason, Unavailable
from sidecar.core.record import Trace
from sidecar.service.advice import Advice
from sidecar.service.asked import Asked
from sidecar.service.orchestration import Orchestration
from sidecar.service.search import Search
from tests.fakes.house import House
from tests.fakes.platform_book import Judged

RULES = """
rules:
  - {id: all, effect: allow, reason: fine}
  - {id: no-boss, match: {subjects: ["agent:boss"], actions: [wipe]}, effect: deny, reason: Never the boss.}
  - {id: no-top, match: {subjects: ["agent:top"], actions: [burn]}, effect: deny, reason: Never the top.}
  - {id: hold, match: {actions: [pay]}, effect: approve, reason: Ask.}
  - {id: ask-boss, match: {subjects: ["agent:boss"], actions: [buy]}, effect: approve, reason: Ask.}
defaults: {approval: {stages: [{approvers: ["person:ann"]}]}}
"""
PEOPLE = "ann: {uids: [9]}\n"
ME, OTHER = Caller(uid=1), Caller(uid=2)
IN = {SESSION: "s-1"}


def asks(agent: str, action: str = "read", caller: Caller = ME, properties=None, **context) -> Asked:
    subject = Subject("agent", agent, properties or {})
    return Asked(Request(subject, Action(action), Resource("thing", "t"), context), caller, Door.ASCEND)


@pytest.fixture
def house():
    return House(RULES, people=PEOPLE)


async def decided(house: House, agent: str, action: str = "read", **more):
    """The number of its record, and its decision."""
    answer = await house.decider.decide(asks(agent, action, **more))
    return answer.receipt.seq, answer.decision


async def code(*args, **more) -> Code:
    return (await decided(*args, **more))[1].code


@pytest.mark.parametrize("session", [{}, IN], ids=["in no session", "in one"])
@pytest.mark.parametrize("restarted", [False, True])
async def test_a_child_is_denied_what_its_parents_agent_is_denied(house, session, restarted):
    parent, _ = await decided(house, "boss", **session)
    if restarted:
        house.forget()
    assert await code(house, "child", "wipe", **session) is Code.ALLOWED
    denied = await code(house, "child", "wipe", **session, **{PARENT: parent})
    assert denied is Code.DELEGATION_EXCEEDS_PARENT
    assert await code(house, "child", **session, **{PARENT: str(parent)}) is Code.ALLOWED


@pytest.mark.parametrize("restarted", [False, True])
async def test_all_agents_above_count_by_the_policy_of_today(house, restarted):
    top, _ = await decided(house, "top", **IN)
    middle, _ = await decided(house, "boss", **IN, **{PARENT: top})
    child, _ = await decided(house, "child", **IN, **{PARENT: middle})
    if restarted:
        house.forget()
    below = IN | {PARENT: child}
    assert await code(house, "last", **below) is Code.ALLOWED
    assert await code(house, "last", "wipe", **below) is Code.DELEGATION_EXCEEDS_PARENT
    assert await code(house, "last", "burn", **below) is Code.DELEGATION_EXCEEDS_PARENT
    house.use("rules: [{id: x, effect: allow}, {id: y, effect: deny, match: {subjects: ['agent:top']}}]\n")
    assert await code(house, "last", **below) is Code.DELEGATION_EXCEEDS_PARENT


async def test_the_agents_that_were_judged_are_on_record(house):
    top, _ = await decided(house, "top", **IN)
    middle, _ = await decided(house, "boss", **IN, **{PARENT: top})
    last, _ = await decided(house, "last", **IN, **{PARENT: middle, DEPTH: 4})
    told = house.log.records[last]["delegated"]
    assert [one["id"] for one in told["lineage"]["ancestors"]] == ["boss", "top"]
    assert (told["session"], told["depth"], told["lineage"]["depth"]) == ("s-1", 4, 1)


@pytest.mark.parametrize(
    "context",
    [IN | {PARENT: 999}, {PARENT: 0, SESSION: "s-2"}, {PARENT: 0}, IN | {PARENT: "nothing"}],
    ids=["unknown", "of another session", "of a session, for a child of none", "no number"],
)
async def test_what_is_not_the_parent_is_refused_and_recorded(house, context):
    await decided(house, "boss", **IN)
    seq, decision = await decided(house, "child", **context)
    assert (decision.verdict, decision.code) == (Verdict.DENY, Code.FOREIGN_PARENT)
    assert house.log.records[seq]["decision"]["code"] == "foreign_parent"
    assert not any(word in decision.reason.lower() for word in ("governance", "violation"))


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_parent_of_another_caller_is_none_and_looks_like_none(house, restarted):
    parent, _ = await decided(house, "boss", **IN)
    if restarted:
        house.forget()
    _, foreign = await decided(house, "child", caller=OTHER, **IN, **{PARENT: parent})
    _, unknown = await decided(house, "child", caller=OTHER, **IN, **{PARENT: 999})
    assert foreign.code is unknown.code is Code.FOREIGN_PARENT
    assert foreign.reason.replace(str(parent), "999") == unknown.reason


@pytest.mark.parametrize("restarted", [False, True])
async def test_nothing_is_delegated_under_what_was_denied_or_is_held(house, restarted):
    denied, _ = await decided(house, "boss", "wipe", **IN)
    held, decision = await decided(house, "boss", "pay", **IN)
    assert decision.verdict is Verdict.PENDING
    if restarted:
        house.forget()
    for parent in (denied, held):
        assert await code(house, "child", **IN, **{PARENT: parent}) is Code.FOREIGN_PARENT


async def test_a_record_that_is_no_decision_is_no_parent(house):
    parent, _ = await decided(house, "boss", **IN)
    await house.outcomes.report(str(parent), "completed", ME, {})
    assert house.log.records[parent + 1]["type"] == "outcome"
    assert await code(house, "child", **IN, **{PARENT: parent + 1}) is Code.FOREIGN_PARENT


async def approve(house: House, approval_id: str) -> None:
    ann = house.state.snapshot.bundle.people.named("ann")
    await house.approvals.vote(approval_id, ann, Choice.APPROVE, "uid:9")


@pytest.mark.parametrize("restarted", [False, True])
async def test_what_people_approved_is_delegated_under_once_it_was_taken(house, restarted):
    held = await house.decider.decide(asks("boss", "pay", **IN))
    below = IN | {PARENT: held.receipt.seq}
    await approve(house, held.hold.id)
    assert await code(house, "child", **below) is Code.FOREIGN_PARENT
    told = await house.outcomes.find(str(held.receipt.seq), ME)
    assert told.answer.decision.verdict is Verdict.ALLOW
    if restarted:
        house.forget()
    assert await code(house, "child", **below) is Code.ALLOWED
    assert await code(house, "child", "wipe", **below) is Code.DELEGATION_EXCEEDS_PARENT


async def test_a_hold_for_those_above_is_answered_by_people_and_decided_with_the_same_parent(house):
    parent, _ = await decided(house, "boss", **IN)
    held = await house.decider.decide(asks("child", "buy", **IN, **{PARENT: parent}))
    assert held.decision.code is Code.DELEGATION_NEEDS_APPROVAL
    await approve(house, held.hold.id)
    told = await house.outcomes.find(str(held.receipt.seq), ME)
    assert (told.answer.decision.verdict, told.answer.decision.code) == (Verdict.ALLOW, Code.APPROVED)
    assert house.log.records[-1]["delegated"]["lineage"]["ancestors"][0]["id"] == "boss"


async def test_the_same_request_uses_the_approval_that_was_for_those_above_too(house):
    parent, _ = await decided(house, "boss", **IN)
    request = asks("child", "buy", **IN, **{PARENT: parent})
    held = await house.decider.decide(request)
    await approve(house, held.hold.id)
    assert (await house.decider.decide(request)).decision.code is Code.APPROVED


async def test_of_two_that_wait_for_one_approval_only_the_one_that_took_it_is_a_parent(house):
    first, second = [await house.decider.decide(asks("boss", "pay", **IN)) for _ in range(2)]
    await approve(house, first.hold.id)
    await house.outcomes.find(str(first.receipt.seq), ME)
    codes = [await code(house, "child", **IN, **{PARENT: held.receipt.seq}) for held in (first, second)]
    assert codes == [Code.ALLOWED, Code.FOREIGN_PARENT]


async def test_a_grant_is_not_enough_once_an_agent_above_is_denied(house):
    parent, _ = await decided(house, "boss", **IN)
    held = await house.decider.decide(asks("child", "buy", **IN, **{PARENT: parent}))
    await approve(house, held.hold.id)
    boss = "{id: no, effect: deny, match: {subjects: ['agent:boss']}}"
    house.use(RULES.replace("rules:", f"rules:\n  - {boss}"), people=PEOPLE)
    told = await house.outcomes.find(str(held.receipt.seq), ME)
    assert told.answer.decision.code is Code.DELEGATION_EXCEEDS_PARENT


async def test_a_parent_whose_record_hides_something_of_its_agent_is_none(house):
    secret = {"password": "hunter2hunter2"}
    parent, _ = await decided(house, "boss", properties=secret, **IN)
    assert await code(house, "child", **IN, **{PARENT: parent}) is Code.ALLOWED
    house.forget()
    assert await code(house, "child", **IN, **{PARENT: parent}) is Code.FOREIGN_PARENT


async def test_a_log_that_does_not_tell_or_not_in_time_is_a_deny(house):
    await decided(house, "boss")
    house.log.read_stuck = True
    assert await code(house, "child", **{PARENT: 0}) is Code.FOREIGN_PARENT
    house.log.read_stuck, house.log.read_failing = False, True
    assert await code(house, "child", **{PARENT: 0}) is Code.FOREIGN_PARENT
    house.log.read_failing = False
    assert await code(house, "child", **{PARENT: 0}) is Code.ALLOWED


async def test_an_agent_that_goes_on_under_its_own_action_is_judged_once(house):
    parent, _ = await decided(house, "boss", **IN)
    seq, decision = await decided(house, "boss", **IN, **{PARENT: parent})
    assert decision.verdict is Verdict.ALLOW
    assert house.log.records[seq]["delegated"]["lineage"]["ancestors"] == []


async def test_what_an_agent_above_needs_scored_is_scored_and_rules_its_child():
    one = House(
        "rules: [{id: a, effect: allow}, {id: b, effect: allow, score: platform, match: "
        "{subjects: ['agent:boss']}}]\n",
        platform=True,
    )
    parent, _ = await decided(one, "boss")
    assert await code(one, "child", **{PARENT: parent}) is Code.ALLOWED
    assert len(one.platform.book.asked) == 2
    one.platform.book.rule = lambda body: Judged("denied")
    assert await code(one, "child", **{PARENT: parent}) is Code.PLATFORM_DENIED
    one.platform.failing = Unavailable(Reason.REFUSED)
    assert await code(one, "child", **{PARENT: parent}) is Code.DELEGATION_EXCEEDS_PARENT
    assert await code(one, "child") is Code.ALLOWED


async def test_advice_and_searches_know_parents_too(house):
    parent, _ = await decided(house, "boss", **IN)
    request = asks("child", "wipe", **IN, **{PARENT: parent}).request
    parts = (house.state, house.log, house.clock, house.orchestration, 0.25)
    decision, _ = await Advice(*parts).give(request, ME)
    assert decision.code is Code.DELEGATION_EXCEEDS_PARENT
    assert await Search(*parts).actions(request, ME) == ["burn"]
    foreign, _ = await Advice(*parts).give(request, OTHER)
    assert foreign.code is Code.FOREIGN_PARENT


async def test_a_session_adds_up_what_was_asked_once_each(house):
    _, first = await decided(house, "boss", **IN)
    _, second = await decided(house, "child", "pay", **IN, **{DEPTH: 1})
    await decided(house, "boss", "wipe", **IN)
    await decided(house, "boss", caller=OTHER, **IN)
    session = house.orchestration.sessions.find(ME, "s-1")
    assert (session.actions, session.allowed, session.pending, session.denied) == (3, 1, 1, 1)
    assert (session.max_depth, session.agents) == (1, ("boss", "child"))
    third = session.cumulative_risk - first.risk.score - second.risk.score
    assert session.max_risk == max(first.risk.score, second.risk.score, third)
    assert house.orchestration.sessions.find(ME, "s-2") is None
    assert house.orchestration.sessions.find(OTHER, "s-1").actions == 1


async def test_repeats_and_what_people_approved_are_no_more_actions(house):
    again = Asked(asks("boss", **IN).request, ME, Door.ASCEND, Trace(correlation_id="c-1"))
    await house.repeats.submit(again)
    await house.repeats.submit(again)
    held = await house.decider.decide(asks("boss", "pay", **IN))
    await approve(house, held.hold.id)
    await house.outcomes.find(str(held.receipt.seq), ME)
    assert house.orchestration.sessions.find(ME, "s-1").actions == 2


async def test_after_a_restart_sessions_are_as_the_log_has_them(house):
    again = Asked(asks("boss", **IN).request, ME, Door.ASCEND, Trace(correlation_id="c-1"))
    await house.repeats.submit(again)
    await house.repeats.submit(again)
    held = await house.decider.decide(asks("boss", "pay", **IN))
    await approve(house, held.hold.id)
    await house.outcomes.find(str(held.receipt.seq), ME)
    await decided(house, "child", "wipe")
    anew = Orchestration(house.log, house.approvals.book, 0.25)
    await anew.start()
    assert anew.sessions.of(ME) == house.orchestration.sessions.of(ME)


async def test_sessions_are_bounded_and_the_oldest_is_forgotten(house):
    for number in range(1001):
        await decided(house, "boss", **{SESSION: f"s-{number}"})
    await decided(house, "boss", caller=OTHER, **IN)
    sessions = house.orchestration.sessions
    assert (len(sessions.of(ME)), len(sessions)) == (1000, 1001)
    assert sessions.find(ME, "s-0") is None
    assert sessions.of(ME)[0].id == "s-1000"
