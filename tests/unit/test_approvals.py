"""Approvals end to end, around a fake log and store: opened, answered, used once, and gone at their time."""

import asyncio

import pytest

from sidecar.core.approval import Choice, VoteRefused
from sidecar.core.errors import AuditError, StoreError
from sidecar.core.model import Caller, Code, Verdict
from tests.fakes.house import House, asked

CALLER = Caller(uid=500)
PEOPLE = """
ann: {uids: [1001], groups: [treasury]}
bob: {uids: [1002], groups: [treasury]}
cleo: {uids: [1003], groups: [board]}
agent-user: {uids: [500], groups: [treasury]}
"""
HOLD = """rules:
  - id: big
    match: {actions: [pay]}
    effect: approve
    reason: Two people from treasury.
    approval: {stages: [{approvers: ["group:treasury"], quorum: 2, within: 15m, escalate: ["group:board"]}]}
"""
DENIES = "rules: [{id: no, match: {actions: [pay]}, effect: deny, reason: Not any more.}]\n"
ANOTHER = (
    HOLD
    + """  - id: also
    match: {actions: [pay]}
    effect: approve
    reason: And the board.
    approval: {stages: [{approvers: ["group:board"], within: 15m}]}
"""
)


@pytest.fixture
def house():
    return House(HOLD, people=PEOPLE)


def pay(caller: Caller = CALLER, **parts):
    return asked(caller, action="pay", **parts)


async def vote(house: House, approval_id: str, name: str, choice: Choice = Choice.APPROVE):
    approver = house.state.snapshot.bundle.people.named(name)
    return await house.approvals.vote(approval_id, approver, choice, f"uid of {name}")


async def granted(house: House):
    answer = await house.decider.decide(pay())
    await vote(house, answer.hold.id, "ann")
    await vote(house, answer.hold.id, "bob")
    return answer


async def read(house: House, answer, caller: Caller = CALLER):
    return (await house.outcomes.find(str(answer.receipt.seq), caller)).answer


async def test_a_hold_opens_an_approval_that_is_stored_before_the_answer_leaves(house):
    answer = await house.decider.decide(pay())
    assert answer.decision.verdict is Verdict.PENDING
    stored = house.store.kept[answer.hold.id]
    assert (stored.decision, stored.holds, stored.caller) == (answer.receipt.seq, ("rule:big",), CALLER)
    assert house.log.records[-1]["hold"]["id"] == answer.hold.id


async def test_two_people_approve_and_the_waiting_caller_is_allowed_once(house):
    answer = await granted(house)
    now_allowed = await read(house, answer)
    assert (now_allowed.decision.verdict, now_allowed.decision.code) == (Verdict.ALLOW, Code.APPROVED)
    assert now_allowed.receipt.seq == answer.receipt.seq
    again = await read(house, answer)
    assert again.decision.verdict is Verdict.ALLOW
    decisions = [record for record in house.log.records if record["type"] == "decision"]
    assert len(decisions) == 2  # one that held, one with the grant: reading again is no use
    assert decisions[1]["approval"] == answer.hold.id
    assert decisions[1]["granted"] == ["rule:big"]


async def test_one_person_is_not_two(house):
    answer = await house.decider.decide(pay())
    await vote(house, answer.hold.id, "ann")
    with pytest.raises(VoteRefused, match="already"):
        await vote(house, answer.hold.id, "ann")
    assert (await read(house, answer)).decision.verdict is Verdict.PENDING


@pytest.mark.parametrize(("name", "why"), [("cleo", "not among"), ("agent-user", "asks for an action")])
async def test_who_is_not_asked_or_asks_cannot_approve(house, name, why):
    answer = await house.decider.decide(pay())
    with pytest.raises(VoteRefused, match=why):
        await vote(house, answer.hold.id, name)


async def test_after_the_time_of_a_stage_more_people_are_asked_once(house):
    answer = await house.decider.decide(pay())
    house.clock.advance(900)
    await house.approvals.let_time_pass()
    assert house.log.records[-1]["event"] == "escalated"
    await vote(house, answer.hold.id, "cleo")
    await vote(house, answer.hold.id, "ann")
    assert (await read(house, answer)).decision.verdict is Verdict.ALLOW


async def test_nobody_in_time_is_a_deny_on_record(house):
    answer = await house.decider.decide(pay())
    house.clock.advance(1800)
    assert (await read(house, answer)).decision.code is Code.APPROVAL_EXPIRED
    await house.approvals.let_time_pass()
    assert house.log.records[-1]["type"] == "approval_expired"
    with pytest.raises(VoteRefused, match="not open"):
        await vote(house, answer.hold.id, "ann")


async def test_one_deny_ends_it(house):
    answer = await house.decider.decide(pay())
    await vote(house, answer.hold.id, "ann")
    await vote(house, answer.hold.id, "bob", Choice.DENY)
    refused = await read(house, answer)
    assert (refused.decision.verdict, refused.decision.code) == (Verdict.DENY, Code.APPROVAL_DENIED)
    assert "bob" in refused.decision.reason


async def test_a_stricter_bundle_in_between_wins(house):
    answer = await granted(house)
    house.use(DENIES, people=PEOPLE)
    assert (await read(house, answer)).decision.code is Code.POLICY_DENIED


async def test_a_new_hold_opens_a_new_approval_and_what_was_met_stays_met(house):
    answer = await granted(house)
    house.use(ANOTHER, people=PEOPLE)
    held = await read(house, answer)
    assert held.decision.verdict is Verdict.PENDING
    assert held.hold.id != answer.hold.id
    await vote(house, held.hold.id, "cleo")
    allowed = await read(house, answer)
    assert (allowed.decision.verdict, allowed.decision.code) == (Verdict.ALLOW, Code.APPROVED)


async def test_an_unused_grant_is_consumed_by_the_same_request_and_only_by_one(house):
    answer = await granted(house)
    first, second = await asyncio.gather(house.decider.decide(pay()), house.decider.decide(pay()))
    assert {first.decision.verdict, second.decision.verdict} == {Verdict.ALLOW, Verdict.PENDING}
    assert (await read(house, answer)).decision.code is Code.APPROVAL_EXPIRED  # another request has used it


@pytest.mark.parametrize(
    "other", [pay(Caller(uid=501)), pay(subject="agent:b"), pay(amount=2), pay(resource="thing:other")]
)
async def test_a_grant_is_for_the_very_request_of_the_very_caller(house, other):
    await granted(house)
    assert (await house.decider.decide(other)).decision.verdict is Verdict.PENDING


async def test_a_grant_that_nobody_used_in_ten_minutes_is_worth_nothing(house):
    answer = await granted(house)
    house.clock.advance(600)
    assert (await read(house, answer)).decision.code is Code.APPROVAL_EXPIRED
    assert (await house.decider.decide(pay())).decision.verdict is Verdict.PENDING


async def test_the_same_request_joins_an_open_approval(house):
    first = await house.decider.decide(pay())
    second = await house.decider.decide(pay())
    assert second.hold.id == first.hold.id
    await vote(house, first.hold.id, "ann")
    await vote(house, first.hold.id, "bob")
    assert (await read(house, second)).decision.verdict is Verdict.ALLOW
    assert (await read(house, first)).decision.code is Code.APPROVAL_EXPIRED


async def test_a_waiter_learns_of_it_without_asking_again(house):
    answer = await house.decider.decide(pay())
    told = await house.outcomes.find(str(answer.receipt.seq), CALLER)
    waiting = asyncio.ensure_future(house.outcomes.settled(told, CALLER, 30))
    await asyncio.sleep(0)
    await vote(house, answer.hold.id, "ann")
    await vote(house, answer.hold.id, "bob")
    assert (await waiting).answer.decision.verdict is Verdict.ALLOW


async def test_what_cannot_be_stored_is_a_deny_and_asks_nobody(house):
    house.store.failing = True
    answer = await house.decider.decide(pay())
    assert (answer.decision.verdict, answer.decision.code) == (Verdict.DENY, Code.AUDIT_UNAVAILABLE)
    assert len(house.approvals.book) == 0


async def test_a_vote_that_cannot_be_recorded_or_stored_does_not_count(house):
    answer = await house.decider.decide(pay())
    house.log.failing = True
    with pytest.raises(AuditError):
        await vote(house, answer.hold.id, "ann")
    house.log.failing, house.store.failing = False, True
    with pytest.raises(StoreError):
        await vote(house, answer.hold.id, "ann")
    assert house.approvals.book.get(answer.hold.id).votes == ()


async def test_the_next_run_takes_up_open_approvals_and_unused_grants(house):
    open_one = await house.decider.decide(pay(subject="agent:b"))
    grant = await granted(house)
    again = House(HOLD, people=PEOPLE)
    again.log, again.store.kept = house.log, house.store.kept
    await again.approvals.start()
    assert again.approvals.book.behind(open_one.receipt.seq).is_open
    assert (await again.decider.decide(pay())).decision.verdict is Verdict.ALLOW
    assert again.approvals.book.get(grant.hold.id).used_at


async def test_among_many_open_approvals_the_one_of_a_request_is_found(house):
    for number in range(300):
        await house.decider.decide(pay(amount=number))
    assert len(house.approvals.book) == 300
    again = await house.decider.decide(pay(amount=7))
    assert again.hold.id == house.approvals.book.all()[7].id


async def at_once(house: House, *coroutines):
    """All of them begun before any record is on disk."""
    house.log.stuck = True
    begun = [asyncio.ensure_future(one) for one in coroutines]
    for _ in range(5):
        await asyncio.sleep(0)
    house.log.release()
    return [one.decision.verdict for one in await asyncio.gather(*begun)]


async def test_of_two_that_read_of_a_grant_at_once_one_uses_it(house):
    first = await house.decider.decide(pay())
    second = await house.decider.decide(pay())
    await vote(house, first.hold.id, "ann")
    await vote(house, first.hold.id, "bob")
    assert await at_once(house, read(house, first), read(house, second)) == [Verdict.ALLOW, Verdict.PENDING]
    assert (await read(house, second)).decision.code is Code.APPROVAL_EXPIRED


async def test_the_same_caller_reading_twice_at_once_is_one_use(house):
    answer = await granted(house)
    await at_once(house, read(house, answer), read(house, answer))
    decisions = [record for record in house.log.records if record["type"] == "decision"]
    assert len(decisions) == 2
    assert (await read(house, answer)).decision.verdict is Verdict.ALLOW


async def test_a_new_request_that_uses_a_grant_leaves_none_to_read_of(house):
    answer = await granted(house)
    verdicts = await at_once(house, house.decider.decide(pay()), read(house, answer))
    assert verdicts == [Verdict.ALLOW, Verdict.PENDING]


async def test_while_the_platform_is_asked_again_no_second_reader_uses_the_grant():
    scored = HOLD.replace("effect: approve", "effect: approve\n    score: platform")
    house = House(scored, platform=True, people=PEOPLE)
    first, second = await house.decider.decide(pay()), await house.decider.decide(pay())
    await vote(house, first.hold.id, "ann")
    await vote(house, first.hold.id, "bob")
    both = await asyncio.gather(read(house, first), read(house, second), house.decider.decide(pay()))
    assert [one.decision.verdict for one in both].count(Verdict.ALLOW) == 1


async def test_a_grant_whose_use_cannot_be_recorded_can_be_used_again(house):
    answer = await granted(house)
    house.log.failing = True
    assert (await read(house, answer)).decision.code is Code.AUDIT_UNAVAILABLE
    house.log.failing = False
    assert (await read(house, answer)).decision.verdict is Verdict.ALLOW
