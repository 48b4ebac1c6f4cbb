"""One decision through the services: recorded before it is given, or denied."""

import asyncio

from sidecar.core.model import Caller, Code, Verdict
from tests.fakes.house import House, asked

ALLOW = "rules: [{id: all, effect: allow, reason: fine}]\n"
STAGES = "approval: {stages: [{approvers: ['group:x'], within: 5m}]}"
HOLD = f"rules: [{{id: hold, effect: approve, reason: wait, {STAGES}}}]\n"
DENY = "rules: [{id: none, effect: deny, reason: no}]\n"


async def test_what_is_answered_is_what_is_on_record():
    house = House(ALLOW)
    answer = await house.decider.decide(asked(action="read"))
    record = house.log.records[answer.receipt.seq]
    assert record["type"] == "decision"
    assert record["decision"]["verdict"] == "allow" == answer.decision.verdict.word
    assert record["decision"]["rules"] == ["all"]
    assert record["request"]["action"]["name"] == "read"
    assert record["decision"]["risk"]["score"] == answer.decision.risk.score
    assert house.counted('ascend_sidecar_decisions_total{code="allowed",door="ascend",verdict="allow"} 1.0')


async def test_an_answer_that_cannot_be_recorded_is_a_deny_and_is_counted():
    house = House(ALLOW)
    house.log.failing = True
    answer = await house.decider.decide(asked())
    assert (answer.decision.verdict, answer.decision.code) == (Verdict.DENY, Code.AUDIT_UNAVAILABLE)
    assert answer.receipt is None
    assert house.counted('ascend_sidecar_unrecorded_denies_total{code="audit_unavailable",door="ascend"} 1.0')
    house.log.failing = False
    after = await house.decider.decide(asked())
    assert house.log.records[after.receipt.seq]["unrecorded"]["audit_unavailable"]["count"] == 1


async def test_a_slow_log_costs_the_caller_the_deadline_and_no_more():
    house = House(ALLOW)
    house.log.stuck = True
    answer = await asyncio.wait_for(house.decider.decide(asked(), within=0.01), 5)
    assert answer.decision.code is Code.AUDIT_UNAVAILABLE


async def test_a_hold_is_open_until_its_time_is_over():
    house = House(HOLD)
    answer = await house.decider.decide(asked())
    assert answer.decision.verdict is Verdict.PENDING
    assert answer.hold.expires_at == house.clock.now() + 300
    assert house.earlier.as_of(answer, house.clock.now()).verdict is Verdict.PENDING
    house.clock.advance(300)
    ended = house.earlier.as_of(answer, house.clock.now())
    assert (ended.verdict, ended.code) == (Verdict.DENY, Code.APPROVAL_EXPIRED)


async def test_a_hold_that_is_not_known_here_is_expired():
    answer = await House(HOLD).decider.decide(asked())
    assert House(HOLD).earlier.as_of(answer, answer.decision.now).code is Code.APPROVAL_EXPIRED


async def test_too_many_holds_are_denies():
    house = House(HOLD, holds=1)
    assert (await house.decider.decide(asked())).decision.verdict is Verdict.PENDING
    refused = await house.decider.decide(asked(subject="agent:b"))
    assert (refused.decision.verdict, refused.decision.code) == (Verdict.DENY, Code.OVERLOADED)
    assert refused.receipt is not None


async def test_an_allow_runs_out():
    house = House(ALLOW)
    answer = await house.decider.decide(asked())
    house.clock.advance(59.9)
    assert house.earlier.as_of(answer, house.clock.now()).verdict is Verdict.ALLOW
    house.clock.advance(0.2)
    assert house.earlier.as_of(answer, house.clock.now()).code is Code.EXPIRED


async def test_one_caller_gets_a_quarter_and_the_others_the_rest():
    house = House(ALLOW, in_flight=8)
    house.log.stuck = True
    greedy = [asyncio.ensure_future(house.decider.decide(asked(Caller(uid=1)))) for _ in range(3)]
    await asyncio.sleep(0)
    assert [task.done() for task in greedy] == [False, False, True]
    assert greedy[2].result().decision.code is Code.OVERLOADED
    assert greedy[2].result().receipt is None
    other = asyncio.ensure_future(house.decider.decide(asked(Caller(uid=2))))
    await asyncio.sleep(0)
    assert not other.done()
    house.log.release()
    assert {task.result().decision.code for task in (await asyncio.wait([*greedy, other]))[0]} == {
        Code.ALLOWED,
        Code.OVERLOADED,
    }


async def test_a_snapshot_swapped_while_a_record_is_written_counts_from_the_next_decision():
    house = House(ALLOW)
    house.log.stuck = True
    first = asyncio.ensure_future(house.decider.decide(asked()))
    await asyncio.sleep(0)
    house.use(DENY)
    house.log.release()
    assert (await first).decision.verdict is Verdict.ALLOW
    assert (await house.decider.decide(asked())).decision.verdict is Verdict.DENY


async def test_what_breaks_inside_is_a_recorded_deny():
    house = House(ALLOW)
    house.state.masker = None  # a part that is missing altogether
    answer = await house.decider.decide(asked())
    assert (answer.decision.verdict, answer.decision.code) == (Verdict.DENY, Code.INTERNAL_ERROR)
    assert house.log.records[answer.receipt.seq]["event"] == "internal_error"


async def test_a_decision_is_a_line_at_debug_only_and_holds_nothing_of_the_request(caplog):
    house = House(ALLOW)
    with caplog.at_level("INFO"):
        await house.decider.decide(asked(password="hunter2"))
    assert caplog.records == []
    with caplog.at_level("DEBUG"):
        await house.decider.decide(asked(password="hunter2"))
    assert [record.getMessage() for record in caplog.records] == ["decision 1: allow allowed"]


async def test_secrets_are_not_on_record():
    house = House(ALLOW)
    answer = await house.decider.decide(
        asked(password="hunter2", note="Bearer abcdefghijklmnopqrstuvwxyz012345")
    )
    record = str(house.log.records[answer.receipt.seq])
    assert "hunter2" not in record
    assert "abcdefghijklmnopqrstuvwxyz012345" not in record


async def test_a_long_request_fits_into_its_record():
    house = House(ALLOW)
    answer = await house.decider.decide(asked(**{f"p{number}": "x" * 1000 for number in range(200)}))
    assert "omitted" in house.log.records[answer.receipt.seq]["request"]["action"]["properties"]


async def test_a_decision_of_very_many_rules_fits_into_its_record():
    rules = ", ".join(f"{{id: {'r' * 60}-{number}, effect: allow, reason: fine}}" for number in range(600))
    house = House(f"rules: [{rules}]\n")
    answer = await house.decider.decide(asked())
    assert len(answer.decision.rules) == 600
    told = house.log.records[answer.receipt.seq]["decision"]
    assert len(told["rules"]) == 8
    assert "of 600 rules the first" in told["errors"][0]
