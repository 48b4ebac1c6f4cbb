"""Decisions where halts of agents must be asked for one by one: nobody is judged before that was done."""

import pytest

from sidecar.core.killswitch import Halts
from sidecar.core.model import Code, Verdict
from sidecar.core.platform import Reason, Unavailable
from sidecar.service.killswitch.roster import Roster
from sidecar.service.killswitch.switch import KillSwitch
from tests.fakes.halt_store import FakeHaltStore
from tests.fakes.house import House, asked

RULES = """rules:
- {id: reads, effect: allow, match: {actions: [read]}}
- {id: tills, effect: allow, match: {actions: [till]}, allow_when_blind: true}
- id: pays
  effect: approve
  match: {actions: [pay]}
  approval: {stages: [{approvers: ["group:all"], quorum: 1, within: 15m}]}
"""
DOWN = Unavailable(Reason.REFUSED)


@pytest.fixture
def house():
    one = House(RULES)
    switch = KillSwitch(one.state, FakeHaltStore(), one.log, one.clock, Halts())
    one.roster = Roster(one.platform, switch, one.state, one.clock, poll=2.0, blind_after=10.0, timeout=5.0)
    one.forget()
    return one


async def test_the_first_decision_of_an_agent_knows_its_halts(house):
    house.platform.book.halt("a", "rogue")
    answer = await house.decider.decide(asked())
    assert answer.decision.code is Code.HALTED
    assert (await house.decider.decide(asked(subject="agent:b"))).decision.code is Code.ALLOWED


async def test_so_does_each_of_a_batch(house):
    house.platform.book.halt("b", "rogue")
    batch = [asked(), asked(subject="agent:b")]
    told = await house.decider.decide_all(batch, frozenset())
    assert [answer.decision.code for answer in told] == [Code.ALLOWED, Code.HALTED]


async def test_who_cannot_be_read_is_denied_but_where_a_rule_allows_it(house):
    house.platform.failing = DOWN
    assert (await house.decider.decide(asked())).decision.code is Code.KILL_SWITCH_BLIND
    assert (await house.decider.decide(asked(action="till"))).decision.code is Code.ALLOWED


async def test_the_patience_of_the_caller_bounds_the_reading(house):
    house.platform.silent = True
    answer = await house.decider.decide(asked(), within=0.05)
    assert answer.decision.code is Code.KILL_SWITCH_BLIND


async def test_what_people_approved_is_decided_by_what_is_halted_now(house):
    held = await house.decider.decide(asked(action="pay"))
    assert held.decision.verdict is Verdict.PENDING
    house.clock.advance(60)
    house.platform.book.halt("a", "rogue")
    approval = house.approvals.book.behind(held.receipt.seq)
    answer = await house.decider.follow(asked(action="pay"), approval, held.receipt.seq)
    assert answer.decision.code is Code.HALTED


async def test_without_a_roster_nobody_is_asked(house):
    house.roster = None
    house.forget()
    assert (await house.decider.decide(asked())).decision.code is Code.ALLOWED
    assert house.platform.calls == 0
