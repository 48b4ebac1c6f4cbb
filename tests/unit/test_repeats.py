"""A submit sent again is the same action: it neither doubles nor loosens anything."""

import asyncio

import pytest

from sidecar.core.errors import RequestError
from sidecar.core.model import Caller, Code, Verdict
from tests.fakes.house import House, asked

ALLOW = "rules: [{id: all, effect: allow, reason: fine, valid_for: 1h}]\n"
STAGES = "approval: {stages: [{approvers: ['group:x'], within: 5m}]}"
HOLD = f"rules: [{{id: hold, effect: approve, reason: wait, {STAGES}}}]\n"
DENY = "rules: [{id: none, effect: deny, reason: no}]\n"


def decisions(house: House) -> list[dict]:
    return [record for record in house.log.records if record["type"] == "decision"]


async def test_a_repeat_has_the_id_of_the_first_and_a_record_that_names_it():
    house = House(ALLOW)
    first = await house.repeats.submit(asked(correlation_id="c1"))
    again = await house.repeats.submit(asked(correlation_id="c1"))
    assert again.receipt == first.receipt
    assert again.decision.verdict is Verdict.ALLOW
    assert [record.get("repeats") for record in decisions(house)] == [None, first.receipt.seq]


async def test_a_repeat_may_tighten():
    house = House(ALLOW)
    await house.repeats.submit(asked(correlation_id="c1"))
    house.use(DENY)
    again = await house.repeats.submit(asked(correlation_id="c1"))
    assert again.decision.verdict is Verdict.DENY


async def test_a_repeat_never_loosens():
    house = House(DENY)
    await house.repeats.submit(asked(correlation_id="c1"))
    house.use(ALLOW)
    again = await house.repeats.submit(asked(correlation_id="c1"))
    assert again.decision.verdict is Verdict.DENY


async def test_the_repeat_of_a_hold_opens_no_second_one_and_ends_with_it():
    house = House(HOLD)
    first = await house.repeats.submit(asked(correlation_id="c1"))
    again = await house.repeats.submit(asked(correlation_id="c1"))
    assert again.hold == first.hold
    assert len(house.approvals.book) == 1
    house.clock.advance(299.9)
    assert (await house.repeats.submit(asked(correlation_id="c1"))).decision.verdict is Verdict.PENDING


async def test_the_same_id_for_something_else_is_refused():
    house = House(ALLOW)
    await house.repeats.submit(asked(correlation_id="c1"))
    for other in (
        asked(correlation_id="c1", action="write"),
        asked(correlation_id="c1", caller=Caller(uid=7)),
    ):
        with pytest.raises(RequestError) as caught:
            await house.repeats.submit(other)
        assert (caught.value.status, caught.value.field) == (422, "X-Correlation-ID")


async def test_a_repeat_waits_for_the_first_that_is_at_work_and_shares_its_answer():
    house = House(ALLOW)
    house.log.stuck = True
    tasks = [asyncio.ensure_future(house.repeats.submit(asked(correlation_id="c1"))) for _ in range(3)]
    await asyncio.sleep(0)
    house.log.release()
    answers = await asyncio.gather(*tasks)
    assert len({answer.receipt.seq for answer in answers}) == 1
    assert len(decisions(house)) == 1


async def test_a_new_id_joins_only_what_is_still_at_work():
    house = House(ALLOW)
    house.log.stuck = True
    tasks = [asyncio.ensure_future(house.repeats.submit(asked(correlation_id=f"c{i}"))) for i in range(2)]
    await asyncio.sleep(0)
    house.log.release()
    assert len({answer.receipt.seq for answer in await asyncio.gather(*tasks)}) == 1
    later = await house.repeats.submit(asked(correlation_id="c9"))
    assert later.receipt.seq == 1


async def test_a_waiter_that_goes_away_takes_nothing_from_the_others():
    house = House(ALLOW)
    house.log.stuck = True
    tasks = [asyncio.ensure_future(house.repeats.submit(asked(correlation_id="c1"))) for _ in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.sleep(0)
    house.log.release()
    assert (await tasks[0]).decision.verdict is Verdict.ALLOW
    assert (await tasks[2]).decision.verdict is Verdict.ALLOW


async def test_after_five_minutes_a_repeat_is_a_new_action():
    house = House(ALLOW)
    first = await house.repeats.submit(asked(correlation_id="c1"))
    house.clock.advance(301)
    assert (await house.repeats.submit(asked(correlation_id="c1"))).receipt != first.receipt


async def test_a_first_without_a_record_is_not_remembered():
    house = House(ALLOW)
    house.log.failing = True
    assert (await house.repeats.submit(asked(correlation_id="c1"))).decision.code is Code.AUDIT_UNAVAILABLE
    house.log.failing = False
    assert (await house.repeats.submit(asked(correlation_id="c1"))).decision.verdict is Verdict.ALLOW


async def test_volatile_context_does_not_make_it_another_action():
    """A retry has a new timestamp; `defaults.volatile` names it."""
    house = House(ALLOW)
    one, two = asked(correlation_id="c1"), asked(correlation_id="c1")
    one.request.context["timestamp"] = "2026-01-01T00:00:00Z"
    first = await house.repeats.submit(one)
    assert (await house.repeats.submit(two)).receipt == first.receipt
