"""Advice: judged like a decision, recorded as an event, and nothing that could be used."""

import pytest

from sidecar.core.errors import AuditError
from sidecar.core.model import Caller, Verdict
from sidecar.service.advice import Advice
from tests.fakes.house import House
from tests.tools.bundles import request

RULES = """
rules:
  - {id: reads, match: {actions: [read]}, effect: allow, reason: x}
  - {id: sends, match: {actions: [send]}, effect: approve, reason: y, approval: {stages: [{approvers: ["group:g"]}]}}
"""


def advice(house: House) -> Advice:
    return Advice(house.state, house.log, house.clock, house.orchestration, 0.25)


@pytest.mark.parametrize(
    ("action", "verdict"), [("read", Verdict.ALLOW), ("send", Verdict.PENDING), ("drop", Verdict.DENY)]
)
async def test_it_says_what_would_be_decided(action, verdict):
    house = House(RULES)
    decision, seconds = await advice(house).give(request(action), Caller())
    assert decision.verdict is verdict
    assert seconds >= 0.0
    assert len(house.approvals.book) == 0


async def test_it_is_an_event_and_no_decision():
    house = House(RULES)
    await advice(house).give(request("read", password="hunter2"), Caller())
    (record,) = house.log.records
    assert (record["type"], record["event"]) == ("event", "advice")
    assert record["details"] == {
        "subject": "agent:a",
        "action": "read",
        "verdict": "allow",
        "code": "allowed",
    }
    assert await house.outcomes.newest(Caller()) == []
    assert await house.outcomes.find("0", Caller()) is None


async def test_what_cannot_be_recorded_is_not_said():
    house = House(RULES)
    house.log.failing = True
    with pytest.raises(AuditError):
        await advice(house).give(request("read"), Caller())
