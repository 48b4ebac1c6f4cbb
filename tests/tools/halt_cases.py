"""Policies, people and requests of the tests of the kill switch at the doors."""

import msgspec

from sidecar.core.approval import Choice
from sidecar.core.model import Caller, Object
from sidecar.service.asked import Answer
from tests.fakes.house import House, asked

CALLER = Caller(uid=500)
AGENTS = '"agent:a": {groups: [traders]}\n'
PEOPLE = "ann: {uids: [1001], groups: [treasury]}\n"
RULES = """rules:
  - {id: reads, match: {actions: [read, "mcp.*"]}, effect: allow, reason: Reading is fine.}
  - id: pays
    match: {actions: [pay]}
    effect: approve
    reason: Somebody from treasury.
    approval: {stages: [{approvers: ["group:treasury"], within: 15m}]}
"""
READ = {"action": "read"}
PAY = {"action": "pay"}


async def decided(house: House, context: Object | None = None, **parts) -> Answer:
    one = asked(CALLER, **parts)
    asking = msgspec.structs.replace(one.request, context=context or {})
    return await house.decider.decide(msgspec.structs.replace(one, request=asking))


async def vote(house: House, answer: Answer, choice: Choice = Choice.APPROVE) -> None:
    await house.ballots.vote_by_uid(answer.hold.id, 1001, choice, "")
