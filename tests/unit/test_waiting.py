"""What the ASCEND SDK is told while people are asked: an id to follow, one yes for one grant, and a no in time."""

import msgspec
import pytest

from sidecar.api.ascend_envelope import approval_status
from sidecar.core.approval import Choice
from sidecar.core.model import Caller, Code, Verdict
from sidecar.service.waiting import Waiting
from tests.fakes.house import House, asked

CALLER = Caller(uid=500)
PEOPLE = "ann: {uids: [1001], groups: [treasury]}\nbob: {uids: [1002], groups: [treasury]}\n"
HOLD = """rules:
  - id: big
    match: {actions: [pay]}
    effect: approve
    reason: Somebody from treasury.
    approval: {stages: [{approvers: ["group:treasury"], within: 15m}]}
"""
DENIES = "rules: [{id: no, match: {actions: [pay]}, effect: deny, reason: Not any more.}]\n"
TWICE = HOLD + HOLD.removeprefix("rules:\n").replace("big", "also")


@pytest.fixture
def house():
    return House(HOLD, people=PEOPLE)


async def submit(house: House):
    answer = await house.decider.decide(asked(CALLER, action="pay"))
    return answer, house.waiting.request_id(answer)


async def vote(house: House, request_id: str, choice: Choice = Choice.APPROVE, comment: str = ""):
    await house.ballots.vote_by_uid(request_id, 1001, choice, comment)


async def status(house: House, request_id: str, caller: Caller = CALLER):
    followed = await house.waiting.follow(request_id, caller)
    return None if followed is None else approval_status(request_id, followed)


async def test_it_is_pending_until_people_have_answered(house):
    answer, request_id = await submit(house)
    assert request_id == answer.hold.id
    told = await status(house, request_id)
    assert (told["status"], told["action_id"]) == ("pending", answer.receipt.seq)
    assert {"approved_by", "rejected_by", "decided_at"}.isdisjoint(told)


async def test_approved_is_told_of_a_use_that_is_on_record(house):
    _, request_id = await submit(house)
    await vote(house, request_id)
    told = await status(house, request_id)
    assert (told["status"], told["approved_by"]) == ("approved", "ann")
    assert told["decided_at"].endswith("Z")
    used = house.log.records[-1]
    assert (used["decision"]["verdict"], used["approval"]) == ("allow", request_id)
    assert (await status(house, request_id))["status"] == "approved"
    assert house.log.records[-1] == used


async def test_rejected_says_by_whom_and_why_and_nothing_is_null(house):
    _, request_id = await submit(house)
    await vote(house, request_id, Choice.DENY, "Not this month.")
    told = await status(house, request_id)
    assert told["status"] == "rejected"
    assert (told["rejected_by"], told["rejection_reason"]) == ("ann", "Not this month.")
    assert None not in told.values()


async def test_nobody_in_time_is_rejected_with_a_reason(house):
    _, request_id = await submit(house)
    house.clock.advance(900)
    told = await status(house, request_id)
    assert (told["status"], told["code"]) == ("rejected", Code.APPROVAL_EXPIRED)
    assert told["rejected_by"] == "ascend-sidecar"
    assert told["rejection_reason"]


async def test_a_stricter_policy_in_between_is_rejected(house):
    _, request_id = await submit(house)
    await vote(house, request_id)
    house.use(DENIES, people=PEOPLE)
    told = await status(house, request_id)
    assert (told["status"], told["rejection_reason"]) == ("rejected", "Not any more.")


async def test_a_new_hold_in_between_is_pending_until_that_is_answered_too(house):
    _, request_id = await submit(house)
    await vote(house, request_id)
    house.use(TWICE, people=PEOPLE)
    assert (await status(house, request_id))["status"] == "pending"
    (open_one,) = (one for one in house.approvals.book.all() if one.is_open)
    await vote(house, open_one.id)
    assert (await status(house, request_id))["status"] == "approved"


async def test_of_two_that_joined_one_approval_one_is_approved(house):
    _, first = await submit(house)
    answer, second = await submit(house)
    assert second == f"{first}.{answer.receipt.seq}"
    await vote(house, second)
    assert (await status(house, second))["status"] == "approved"
    assert (await status(house, first))["code"] == Code.APPROVAL_EXPIRED


@pytest.mark.parametrize("caller", [Caller(uid=501), Caller()])
async def test_another_caller_is_told_nothing_and_uses_nothing(house, caller):
    _, request_id = await submit(house)
    await vote(house, request_id)
    assert await status(house, request_id, caller) is None
    assert (await status(house, request_id))["status"] == "approved"


async def test_an_id_of_another_callers_approval_tells_nothing_with_a_number_of_ones_own(house):
    _, theirs = await submit(house)
    await vote(house, theirs)
    stranger = Caller(uid=501)
    mine = await house.decider.decide(asked(stranger, action="other"))
    assert await status(house, f"{theirs}.{mine.receipt.seq}", stranger) is None


@pytest.mark.parametrize("request_id", ["apr_0", "", "1", "."])
async def test_what_nobody_asked_for_is_unknown(house, request_id):
    assert await status(house, request_id) is None


async def polled(house: House, seq: int, waiting: Waiting | None = None):
    told = await house.outcomes.find(str(seq), CALLER)
    return (waiting or house.waiting).in_time(told).answer.decision


async def test_a_poll_after_its_time_is_a_no_and_the_approval_stays_open(house):
    answer, request_id = await submit(house)
    house.clock.advance(49.9)
    assert (await polled(house, answer.receipt.seq)).verdict is Verdict.PENDING
    house.clock.advance(0.1)
    told = await polled(house, answer.receipt.seq)
    assert (told.verdict, told.code) == (Verdict.DENY, Code.APPROVAL_WAITING)
    assert house.approvals.book.get(request_id).is_open


async def test_a_later_submit_of_the_same_action_takes_the_grant(house):
    answer, request_id = await submit(house)
    house.clock.advance(60)
    assert (await polled(house, answer.receipt.seq)).code is Code.APPROVAL_WAITING
    await vote(house, request_id)
    again, _ = await submit(house)
    assert (again.decision.verdict, again.decision.code) == (Verdict.ALLOW, Code.APPROVED)
    assert (await polled(house, answer.receipt.seq)).code is Code.APPROVAL_EXPIRED


async def test_zero_never_cuts_a_wait_short(house):
    answer, _ = await submit(house)
    house.clock.advance(600)
    patient = Waiting(house.outcomes, house.approvals.book, house.clock, 0.0)
    assert (await polled(house, answer.receipt.seq, patient)).verdict is Verdict.PENDING


async def test_what_is_decided_is_told_as_it_is(house):
    answer = await house.decider.decide(asked(CALLER, action="other"))
    house.clock.advance(60)
    assert (await polled(house, answer.receipt.seq)).code is Code.NO_MATCHING_RULE
    assert house.waiting.request_id(msgspec.structs.replace(answer, receipt=None)) == ""
