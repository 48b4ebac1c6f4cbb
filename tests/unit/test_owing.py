"""Who owes the platform what: outcomes of actions that it knows, what agents say of themselves, decisions."""

import pytest

from sidecar.core.approval import Choice
from sidecar.core.errors import NotOwed
from sidecar.core.model import Caller, Verdict
from sidecar.core.platform import Reason, Unavailable
from sidecar.service.agent_calls import AgentCalls
from sidecar.service.reports import Reports
from tests.fakes.house import asked
from tests.fakes.owing import OwingHouse
from tests.fakes.platform_book import Judged

CALLER = Caller(uid=500)
SCORED = "rules: [{id: r, effect: allow, score: platform, on_platform_unavailable: open, reason: fine}]\n"
HOLD = """rules:
  - id: r
    effect: approve
    score: platform
    on_platform_unavailable: local
    reason: one of us
    approval: {stages: [{approvers: ["group:x"]}]}
"""
PEOPLE = "ann: {uids: [1001], groups: [x]}\n"
AGENTS = "agent:bound: {uids: [500]}\n"
DOWN = Unavailable(Reason.REFUSED)


@pytest.fixture
async def house():
    async with OwingHouse(rules=SCORED, people=PEOPLE, agents=AGENTS).writing() as one:
        yield one


def reports_of(house, **more):
    reports = Reports(house.outbox, house.log, house.clock, "our log", **more)
    house.house.listeners = [reports.saw]
    return reports


async def decide(house, **parts):
    return await house.house.decider.decide(asked(CALLER, **({"action": "file.read"} | parts)))


async def complete(house, answer, caller=CALLER):
    return await house.outcomes.report(str(answer.receipt.seq), "completed", caller, {"result": {"rows": 3}})


def marks(house):
    """The marks of what was reported, in its order."""
    bodies = [body for _, path, body in house.platform.book.asked if path.endswith("/submit")]
    told = [body["context"].get("ascend_sidecar") for body in bodies if "context" in body]
    return [mark for mark in told if mark]


async def test_what_became_of_an_action_that_the_platform_knows_is_owed_to_it(house):
    answer = await decide(house)
    assert (await complete(house, answer)).is_owed
    assert house.outbox.status().count == 1
    await house.deliver()
    assert house.platform.book.actions[1].outcome["result"] == {"rows": 3}


async def test_of_an_action_that_it_does_not_know_nothing_is_owed(house):
    house.platform.failing = DOWN
    reported = await complete(house, await decide(house))
    assert not reported.is_owed
    assert house.outbox.status().count == 0


async def test_another_callers_action_is_nothing_to_tell_of(house):
    answer = await decide(house)
    assert await complete(house, answer, Caller(uid=1)) is None
    assert house.outbox.status().count == 0


async def test_what_cannot_be_kept_is_on_record_and_its_caller_told(house):
    answer = await decide(house)
    house.store.failing = True
    with pytest.raises(NotOwed):
        await complete(house, answer)
    assert house.log.records[-1]["type"] == "outcome"


async def test_an_action_that_people_approved_is_known_by_what_was_decided_in_the_end():
    async with OwingHouse(rules=HOLD, people=PEOPLE).writing() as house:
        house.platform.failing = DOWN
        answer = await decide(house)
        assert answer.decision.verdict is Verdict.PENDING
        approver = house.house.state.snapshot.bundle.people.named("ann")
        await house.house.approvals.vote(answer.hold.id, approver, Choice.APPROVE, "uid 1001")
        house.platform.failing = None
        house.platform.book.rule = lambda body: Judged()
        told = await house.outcomes.find(str(answer.receipt.seq), CALLER)
        assert told.answer.decision.verdict is Verdict.ALLOW
        assert (await complete(house, answer)).is_owed
        await house.deliver()
        assert house.platform.book.actions[1].outcome is not None


async def test_an_action_that_went_through_while_the_platform_was_gone_is_told_later_and_marked(house):
    reports = reports_of(house)
    await reports.look()
    house.platform.failing = DOWN
    answer = await decide(house, password="hunter2")
    await reports.look()
    assert house.outbox.status().count == 1
    house.platform.failing = None
    await house.deliver()
    (mark,) = marks(house)
    assert (mark["report"], mark["decision_id"]) == ("proceeded_open", str(answer.receipt.seq))
    assert "hunter2" not in str(house.platform.book.asked)


async def test_what_the_platform_scored_is_not_told_again_unless_all_is_to_be(house):
    reports = reports_of(house)
    await decide(house)
    await reports.look()
    assert house.outbox.status().count == 0
    every = reports_of(house, is_all=True)
    await decide(house)
    await every.look()
    await house.deliver()
    assert [(mark["report"], mark["action_id"]) for mark in marks(house)] == [("decision", "2")]


async def test_what_was_decided_before_the_outbox_was_there_is_not_told():
    house = OwingHouse(rules=SCORED)
    house.platform.failing = DOWN
    await decide(house)
    async with house.writing():
        answer = await decide(house)
        await reports_of(house).look()
        house.platform.failing = None
        await house.deliver()
        assert [mark["decision_id"] for mark in marks(house)] == [str(answer.receipt.seq)]


async def test_what_was_not_yet_owed_when_the_last_run_ended_is_read_from_the_log(house):
    house.platform.failing = DOWN
    answers = [await decide(house) for _ in range(3)]
    await reports_of(house).look()
    house.platform.failing = None
    await house.deliver()
    assert [mark["decision_id"] for mark in marks(house)] == [str(one.receipt.seq) for one in answers]


async def test_a_decision_that_was_never_given_is_not_told(house):
    house.platform.failing = DOWN
    answer = await decide(house)
    await house.log.append(b'{"type":"void","voids":[%d]}' % answer.receipt.seq, 1.0)
    await reports_of(house).look()
    assert house.outbox.status().count == 0


async def test_while_the_disk_fails_decisions_wait_in_the_log(house):
    reports = reports_of(house)
    await reports.look()
    house.platform.failing = DOWN
    house.store.failing = True
    await decide(house)
    assert not await reports.look()
    assert house.outbox.status().count == 0
    house.store.failing = False
    await decide(house)
    assert await reports.look()
    house.platform.failing = None
    await house.deliver()
    assert [mark["decision_id"] for mark in marks(house)] == ["0", "1"]


async def test_how_far_the_log_was_read_is_kept_some_seconds_behind(house):
    reports = reports_of(house)
    await reports.look()
    assert house.store.through == -1
    await decide(house)
    house.clock.advance(6)
    await reports.look()
    assert house.store.through == -1
    house.clock.advance(6)
    await reports.look()
    assert house.store.through == 0


def calls_of(house):
    return AgentCalls(house.outbox, house.house.state, house.clock)


async def test_a_heartbeat_is_passed_on_and_of_several_the_latest(house):
    for count in (1, 2):
        await calls_of(house).beat(CALLER, "any", {"requests_count": count})
    await house.deliver()
    (beat,) = house.platform.book.heartbeats
    assert (beat["agent_id"], beat["requests_count"], bool(beat["timestamp"])) == ("any", 2, True)


async def test_our_key_speaks_for_a_bound_agent_only_where_its_caller_may(house):
    calls = calls_of(house)
    assert calls.speaks_for(CALLER, "bound")
    assert not calls.speaks_for(Caller(uid=501), "bound")
    await calls.beat(Caller(uid=501), "bound", {})
    assert house.outbox.status().count == 0
    await calls.beat(CALLER, "bound", {})
    assert house.outbox.status().count == 1


async def test_a_heartbeat_that_cannot_be_kept_bothers_nobody(house):
    house.store.failing = True
    await calls_of(house).beat(CALLER, "any", {})
    assert house.outbox.status().count == 0


async def test_an_acknowledgement_arrives(house):
    house.platform.book.order("any", {"command_id": "c-1"})
    await calls_of(house).acknowledge("any", "c-1")
    await house.deliver()
    assert house.platform.book.commands["any"] == []
