"""What agents did while no daemon was there: told afterwards, on record, counted, and believed no further."""

import asyncio
import http.client
import json
from urllib.parse import urlsplit

import pytest

from sidecar.core.killswitch import Kind
from tests.fakes.switched import Switched, open_doors

RULES = "rules: [{id: all, effect: allow, reason: It may do everything.}]\n"
TOLD = {
    "agent": "a",
    "count": 250,
    "first_at": 1000.5,
    "last_at": 2000.5,
    "actions": [{"action": "transaction", "resource": "payment_gateway", "at": 1000.5}],
}


@pytest.fixture
def house():
    return Switched(RULES, agents="agent:bound: {uids: [4242]}\n")


@pytest.fixture
async def doors(house, tmp_path):
    async with open_doors(house, tmp_path) as opened:
        yield opened


async def tell(doors, body):
    def asking():
        connection = http.client.HTTPConnection(urlsplit(doors.url).netloc, timeout=10)
        try:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/v1/ungoverned", json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    return await asyncio.to_thread(asking)


async def test_it_is_on_record_and_counted(house, doors):
    status, told = await tell(doors, TOLD)
    assert (status, told["recorded"]) == (200, 250)
    record = house.log.records[told["audit"]["seq"]]
    kept = {name: record[name] for name in ("type", "agent", "count", "first_at", "last_at", "details")}
    assert kept == {
        "type": "ungoverned",
        "agent": "agent:a",
        "count": 250,
        "first_at": 1000.5,
        "last_at": 2000.5,
        "details": {"actions": TOLD["actions"]},
    }
    assert house.counted("ascend_sidecar_ungoverned_actions_total 250.0")


async def test_secrets_in_it_are_masked(house, doors):
    secret = "AKIAIOSFODNN7EXAMPLE"
    action = {"action": "read", "resource": f"s3://{secret}", "at": 1.0}
    await tell(doors, TOLD | {"actions": [action]})
    assert secret not in json.dumps(house.log.records)


async def test_it_is_no_longer_than_a_record_may_be(house, doors):
    actions = [{"action": "a" * 1000, "resource": "r" * 1000, "at": 1.0}] * 100
    status, told = await tell(doors, TOLD | {"actions": actions})
    assert status == 200
    record = house.log.records[told["audit"]["seq"]]
    assert record["count"] == 250
    assert set(record["details"]) == {"omitted"}


async def test_nobody_speaks_for_an_agent_that_is_bound_to_somebody_else(house, doors):
    status, told = await tell(doors, TOLD | {"agent": "bound"})
    assert (status, told["field"]) == (403, "agent")
    assert [one for one in house.log.records if one["type"] == "ungoverned"] == []


async def test_a_halted_agent_may_say_what_it_did(house, doors):
    await house.block(Kind.AGENT, "agent:a")
    assert (await tell(doors, TOLD))[0] == 200


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"agent": ""}, "agent"),
        ({"count": 0}, "count"),
        ({"count": "many"}, "count"),
        ({"first_at": -1}, "first_at"),
        ({"actions": [{}]}, "actions[0].action"),
        ({"actions": [TOLD["actions"][0]] * 101}, "actions"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_is_wrong_with_it_is_named(doors, change, field):
    status, told = await tell(doors, TOLD | change)
    assert (status, told.get("field")) == (400, field)


async def test_what_cannot_be_recorded_is_not_counted(house, doors):
    house.log.failing = True
    status, _ = await tell(doors, TOLD)
    assert status == 503
    assert house.counted("ascend_sidecar_ungoverned_actions_total 0.0")
