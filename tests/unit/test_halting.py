"""What was asked before a halt: reads, waits, approvals, and what is on its way to the disk or to the platform."""

import asyncio

import pytest

from sidecar.core.approval import Standing, VoteRefused
from sidecar.core.delegation import PARENT, SESSION
from sidecar.core.killswitch import Command, Kind, Order, Origin, scope
from sidecar.core.model import Code, Verdict
from sidecar.core.record import parse_decision
from sidecar.service.approval_book import key_of
from sidecar.service.search import Search
from tests.fakes.audit import until
from tests.fakes.house import asked
from tests.fakes.switched import Switched
from tests.tools.bundles import request
from tests.tools.halt_cases import AGENTS, CALLER, PAY, PEOPLE, READ, RULES, decided, vote

PLATFORM = "rules: [{id: all, effect: allow, score: platform, reason: It is scored.}]\n"


@pytest.fixture
def house():
    return Switched(RULES, people=PEOPLE, agents=AGENTS)


async def read(house: Switched, answer):
    return (await house.outcomes.find(str(answer.receipt.seq), CALLER)).answer.decision


HITS = [
    (Kind.AGENT, "a"),
    (Kind.AGENT, "agent:a"),
    (Kind.AGENTS, "agent:*"),
    (Kind.GROUP, "traders"),
    (Kind.HOST, "this-host"),
    (Kind.ORGANIZATION, "acme"),
    (Kind.ORGANIZATION, "*"),
]
MISSES = [(Kind.AGENT, "b"), (Kind.GROUP, "others"), (Kind.HOST, "that-host"), (Kind.ORGANIZATION, "other")]


@pytest.mark.parametrize("asking", [READ, PAY], ids=["an-allow", "a-hold"])
@pytest.mark.parametrize(("kind", "name"), HITS)
async def test_what_was_decided_before_a_halt_reads_as_halted_while_it_is_in_force(house, asking, kind, name):
    answer = await decided(house, **asking)
    before = await read(house, answer)
    assert before.verdict is answer.decision.verdict is not Verdict.DENY
    await house.block(kind, name)
    after = await read(house, answer)
    assert (after.verdict, after.code) == (Verdict.DENY, Code.HALTED)
    assert "It went rogue." in after.reason


@pytest.mark.parametrize(("kind", "name"), MISSES)
async def test_a_halt_of_others_changes_nothing(house, kind, name):
    answer = await decided(house, **READ)
    await house.block(kind, name)
    assert (await read(house, answer)).verdict is Verdict.ALLOW


async def test_an_allow_that_ran_out_stays_what_it_was(house):
    answer = await decided(house, **READ)
    house.clock.advance(3600)
    await house.block()
    assert (await read(house, answer)).code is Code.EXPIRED


async def test_an_allow_is_one_again_after_the_release(house):
    answer = await decided(house, **READ)
    await house.block()
    await house.release()
    assert (await read(house, answer)).verdict is Verdict.ALLOW


@pytest.mark.parametrize("asking", [READ, PAY], ids=["an-allow", "a-hold"])
async def test_reads_are_denied_while_nobody_sees_and_nothing_ends_by_that(house, asking):
    answer = await decided(house, **asking)
    house.blind = "Nothing was heard of the queue for 10 s."
    blind = await read(house, answer)
    assert (blind.verdict, blind.code, blind.reason) == (Verdict.DENY, Code.KILL_SWITCH_BLIND, house.blind)
    await house.block(Kind.AGENT, "another")
    await house.endings.sweep(house.state.snapshot.halts)
    house.blind = ""
    assert (await read(house, answer)).verdict is answer.decision.verdict


async def test_a_halt_of_an_agent_above_hits_what_was_delegated(house):
    top = await decided(house, {SESSION: "s1"}, subject="agent:boss", **READ)
    below = {PARENT: top.receipt.seq, SESSION: "s1"}
    answers = [await decided(house, below, **asking) for asking in (READ, PAY)]
    assert [one.decision.verdict for one in answers] == [Verdict.ALLOW, Verdict.PENDING]
    await house.block(Kind.ORCHESTRATION, "boss")
    assert [(await read(house, one)).code for one in answers] == [Code.HALTED] * 2
    await house.sweep()
    assert house.approvals.book.get(answers[1].hold.id).standing is Standing.HALTED


async def test_a_halt_of_a_session_hits_what_was_asked_in_it(house):
    inside, outside = await decided(house, {SESSION: "s1"}, **READ), await decided(house, **READ)
    await house.block(Kind.ORCHESTRATION, "s1")
    assert (await read(house, inside)).code is Code.HALTED
    assert (await read(house, outside)).verdict is Verdict.ALLOW


SECRET = "token=sk-live-aaaaaaaaaaaaaaaaaaaaaaaa"
LONG = "x" * 9000


@pytest.mark.parametrize(
    ("kind", "context"),
    [
        (Kind.MCP_SERVER, {"mcp_server": {"password": SECRET}}),
        (Kind.MCP_SERVER, {"mcp_server": LONG}),
        (Kind.TOOL, {"tool_name": LONG}),
        (Kind.TOOL, {"tool": "Bearer abcdefghijklmnopqrstuvwxyz0123456789"}),
    ],
    ids=["masked-server", "shortened-server", "shortened-tool", "masked-tool"],
)
async def test_a_name_that_the_log_hides_could_be_any(house, kind, context):
    answer = await decided(house, context, action="mcp.read")
    recorded = parse_decision(house.log.records[answer.receipt.seq]).request
    assert recorded.context != context, "nothing is hidden, so that the test shows nothing"
    await house.block(kind, "another")
    assert (await read(house, answer)).code is Code.HALTED


async def test_a_server_whose_name_as_a_resource_is_hidden_could_be_any(house):
    answer = await decided(house, action="read", resource="mcp_server:glpat-abcdefghijklmnop1234")
    assert "hmac:" in parse_decision(house.log.records[answer.receipt.seq]).request.resource.id
    await house.block(Kind.MCP_SERVER, "another")
    assert (await read(house, answer)).code is Code.HALTED


async def test_a_part_that_was_left_out_could_name_every_server_and_tool(house):
    much = {f"key{number}": "x" * 900 for number in range(60)}
    answer = await decided(house, {"mcp_server": "crm"} | much, **READ)
    assert "omitted" in parse_decision(house.log.records[answer.receipt.seq]).request.context
    await house.block(Kind.MCP_SERVER, "another")
    assert (await read(house, answer)).code is Code.HALTED


async def test_what_else_is_hidden_of_a_request_is_no_name(house):
    answer = await decided(house, {"mcp_server": "crm", "password": "hunter2hunter2"}, **READ)
    assert "hunter2" not in str(house.log.records[answer.receipt.seq])
    await house.block(Kind.MCP_SERVER, "another")
    assert (await read(house, answer)).verdict is Verdict.ALLOW
    await house.block(Kind.MCP_SERVER, "CRM")
    assert (await read(house, answer)).code is Code.HALTED


# Approvals.


@pytest.mark.parametrize("is_granted", [False, True], ids=["open", "granted"])
async def test_a_halt_ends_approvals_and_they_stay_ended(house, is_granted):
    answer = await decided(house, **PAY)
    if is_granted:
        await vote(house, answer)
    await house.block()
    await house.sweep()
    ended = house.store.kept[answer.hold.id]
    assert (ended.standing, ended.used_at) == (Standing.HALTED, 0.0)
    record = house.log.records[-1]
    assert (record["type"], record["event"], record["comment"]) == (
        "approval",
        "halted",
        ended.halted_because,
    )
    await house.release()
    after = await read(house, answer)
    assert (after.verdict, after.code) == (Verdict.DENY, Code.HALTED)
    again = await decided(house, **PAY)
    assert (again.decision.verdict, again.hold.id != answer.hold.id) == (Verdict.PENDING, True)


async def test_a_halt_that_is_released_before_anything_could_be_ended_has_ended_it(house):
    answer = await decided(house, **PAY)
    await house.block()
    await house.release()
    await house.sweep()
    assert house.store.kept[answer.hold.id].standing is Standing.HALTED


async def test_approvals_of_others_stay_open(house):
    answer = await decided(house, subject="agent:b", **PAY)
    await house.block()
    await house.sweep()
    assert house.store.kept[answer.hold.id].is_open


@pytest.mark.parametrize("is_swept", [False, True], ids=["at-once", "after-its-end"])
async def test_nobody_can_vote_on_what_is_halted(house, is_swept):
    answer = await decided(house, **PAY)
    await house.block()
    if is_swept:
        await house.sweep()
    with pytest.raises(VoteRefused, match="It went rogue"):
        await vote(house, answer)


async def test_a_grant_is_not_used_by_a_read_or_by_the_same_request_under_a_halt(house):
    answer = await decided(house, **PAY)
    await vote(house, answer)
    await house.block()
    assert (await read(house, answer)).code is Code.HALTED
    assert (await decided(house, **PAY)).decision.code is Code.HALTED
    assert house.store.kept[answer.hold.id].used_at == 0.0


async def test_what_cannot_be_stored_is_ended_all_the_same_and_stored_later(house):
    answer = await decided(house, **PAY)
    house.store.failing = True
    await house.block()
    await house.sweep()
    assert house.store.kept[answer.hold.id].is_open
    await house.release()
    assert (await read(house, answer)).code is Code.HALTED
    with pytest.raises(VoteRefused):
        await vote(house, answer)
    house.store.failing = False
    await house.sweep()
    assert house.store.kept[answer.hold.id].standing is Standing.HALTED


async def test_a_start_ends_what_the_last_run_could_not(house):
    answer = await decided(house, **PAY)
    await house.block()
    house.endings.taken()  # the orders of the last run are none of this one
    running = asyncio.create_task(house.endings.run())
    await until(lambda: not house.store.kept[answer.hold.id].is_open)
    running.cancel()
    assert house.store.kept[answer.hold.id].standing is Standing.HALTED


async def test_what_is_to_be_ended_leads_no_request_to_it(house):
    answer = await decided(house, **PAY)
    book, approval = house.approvals.book, house.approvals.book.get(answer.hold.id)
    assert book.waiting_for(key_of(approval), house.clock.now()) is approval
    book.doom(approval, "It is halted.")
    assert book.waiting_for(key_of(approval), house.clock.now()) is None
    book.enter(approval)  # as its escalation does
    assert book.waiting_for(key_of(approval), house.clock.now()) is None
    assert book.doomed(1) == [(approval, "It is halted.")]


async def test_an_approval_that_is_being_stored_when_the_halt_comes_is_ended(house):
    house.store.meanwhile = lambda: house.switch.apply([late(house)])
    answer = await decided(house, **PAY)
    assert answer.decision.verdict is Verdict.PENDING
    house.endings.taken()
    await house.sweep()
    assert house.store.kept[answer.hold.id].standing is Standing.HALTED
    assert (await read(house, answer)).code is Code.HALTED


async def test_a_thousand_approvals_are_ended_in_few_writes(house):
    answers = [await decided(house, {"n": number}, **PAY) for number in range(1000)]
    before = house.store.writes
    await house.block()
    await house.sweep()
    assert {house.store.kept[one.hold.id].standing for one in answers} == {Standing.HALTED}
    assert house.store.writes - before == 10


# Waits.


async def waiting(house: Switched, answer):
    told = await house.outcomes.find(str(answer.receipt.seq), CALLER)
    task = asyncio.create_task(house.outcomes.settled(told, CALLER, 50.0))
    await asyncio.sleep(0.01)
    assert not task.done()
    return task


@pytest.mark.parametrize("code", [Code.HALTED, Code.KILL_SWITCH_BLIND])
async def test_a_wait_ends_at_once_by_a_halt_and_by_blindness(house, code):
    answer = await decided(house, **PAY)
    other = await decided(house, subject="agent:b", **PAY)
    task, others = await waiting(house, answer), await waiting(house, other)
    house.store.failing = True  # nobody waits for the disk
    if code is Code.HALTED:
        await house.block()
    else:
        house.blind = "Nothing was heard."
        house.vigil.look()
    await house.sweep()
    told = await asyncio.wait_for(task, 10)
    assert (told.answer.decision.verdict, told.answer.decision.code) == (Verdict.DENY, code)
    assert others.done() is (code is Code.KILL_SWITCH_BLIND)
    others.cancel()


async def test_a_wait_that_begins_under_a_halt_is_none(house):
    answer = await decided(house, **PAY)
    told = await house.outcomes.find(str(answer.receipt.seq), CALLER)
    await house.block()
    told = await asyncio.wait_for(house.outcomes.settled(told, CALLER, 50.0), 10)
    assert told.answer.decision.code is Code.HALTED


async def test_the_poll_of_an_approval_is_told_that_it_is_rejected(house):
    answer = await decided(house, **PAY)
    await house.block()
    followed = await house.waiting.follow(house.waiting.request_id(answer), CALLER)
    assert followed.told.answer.decision.code is Code.HALTED


# What is under way.


async def test_a_halt_that_overtakes_the_record_denies_and_the_log_says_so(house):
    house.log.stuck = True
    allowed, held = (asyncio.create_task(decided(house, **asking)) for asking in (READ, PAY))
    await asyncio.sleep(0)
    house.switch.apply([late(house)])
    house.log.release()
    answers = await asyncio.gather(allowed, held)
    assert [one.decision.code for one in answers] == [Code.HALTED] * 2
    for answer in answers:
        record = house.log.records[answer.receipt.seq]
        assert record["decision"]["verdict"] == "deny"
        assert record["repeats"] < answer.receipt.seq
    assert len(house.approvals.book) == 0


def late(house: Switched) -> Order:
    """A halt that comes while something else is awaited."""
    return Order(Command.BLOCK, scope(Kind.AGENT, "a"), "late", Origin.ADMIN, issued_at=house.clock.now())


def over(house: Switched) -> Order:
    """Its release."""
    return Order(
        Command.UNBLOCK, scope(Kind.AGENT, "a"), "over", Origin.ADMIN, issued_at=house.clock.now() + 1
    )


async def test_a_halt_of_others_that_overtakes_a_record_changes_nothing(house):
    house.log.stuck = True
    allowed = asyncio.create_task(decided(house, subject="agent:b", **READ))
    await asyncio.sleep(0)
    house.switch.apply([late(house)])
    house.log.release()
    answer = await allowed
    assert (answer.decision.verdict, len(house.log.records)) == (Verdict.ALLOW, 1)


async def test_a_grant_that_is_being_used_is_not_lost_and_not_given_when_a_halt_comes(house):
    answer = await decided(house, **PAY)
    await vote(house, answer)
    house.log.stuck = True
    using = asyncio.create_task(decided(house, **PAY))
    await asyncio.sleep(0)
    house.switch.apply([late(house)])
    house.log.release()
    assert (await using).decision.code is Code.HALTED
    house.endings.ordered(house.switch.in_force())
    await house.sweep()
    assert house.store.kept[answer.hold.id].standing is Standing.HALTED


async def test_a_halt_that_comes_while_the_use_of_a_grant_is_stored_denies(house):
    answer = await decided(house, **PAY)
    await vote(house, answer)
    house.store.meanwhile = lambda: house.switch.apply([late(house)])
    using = await decided(house, **PAY)
    assert using.decision.code is Code.HALTED
    assert house.log.records[using.receipt.seq]["decision"]["verdict"] == "deny"
    assert house.store.kept[answer.hold.id].used_at > 0


async def test_a_grant_in_use_is_used_where_the_halt_is_over_before_the_record_is_durable(house):
    answer = await decided(house, **PAY)
    await vote(house, answer)
    house.log.stuck = True
    using = asyncio.create_task(decided(house, **PAY))
    await asyncio.sleep(0)
    house.switch.apply([late(house), over(house)])
    house.log.stuck = False
    await house.sweep()
    house.log.release()
    assert (await using).decision.verdict is Verdict.ALLOW
    await house.sweep()
    kept = house.store.kept[answer.hold.id]
    assert (kept.standing, kept.used_at > 0) == (Standing.GRANTED, True)


async def test_a_halt_that_comes_while_the_platform_is_asked_denies():
    house = Switched(PLATFORM, platform=True)
    house.platform.meanwhile = house.block
    answer = await decided(house, **READ)
    assert (answer.decision.verdict, answer.decision.code) == (Verdict.DENY, Code.HALTED)


async def test_who_joins_a_request_that_is_at_work_gets_no_allow_after_a_halt(house):
    house.log.stuck = True
    first = asyncio.create_task(house.repeats.submit(asked(CALLER, **READ)))
    await asyncio.sleep(0)
    house.switch.apply([late(house)])
    second = asyncio.create_task(house.repeats.submit(asked(CALLER, **READ)))
    await asyncio.sleep(0)
    house.log.release()
    codes = [one.decision.code for one in await asyncio.gather(first, second)]
    assert codes == [Code.HALTED] * 2


async def test_a_repeat_after_a_halt_is_halted(house):
    first = await house.repeats.submit(asked(CALLER, "one", **READ))
    assert first.decision.verdict is Verdict.ALLOW
    await house.block()
    again = await house.repeats.submit(asked(CALLER, "one", **READ))
    assert again.decision.code is Code.HALTED


async def test_a_search_finds_nothing_for_who_is_halted_before_or_meanwhile(house):
    search = Search(house.state, house.log, house.clock, house.orchestration, 0.25)
    assert await search.actions(request(), CALLER) == ["read"]
    house.log.stuck = True
    asking = asyncio.create_task(search.actions(request(), CALLER))
    await asyncio.sleep(0)
    house.switch.apply([late(house)])
    house.log.release()
    assert await asking == []
    assert await search.actions(request(), CALLER) == []
