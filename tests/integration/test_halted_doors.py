"""Every door, one after the other, for an agent that is halted and for one that is not."""

import asyncio
import http.client
from urllib.parse import urlsplit

import msgspec
import pytest

from sidecar.api.ascend_changes import CHANGES
from sidecar.core.killswitch import Kind
from sidecar.service.health import Health
from tests.fakes.switched import Doors, Switched, open_doors

RULES = "rules: [{id: all, effect: allow, reason: It may do everything.}]\n"
HELD = """rules:
  - id: all
    effect: approve
    reason: Somebody must look.
    approval: {stages: [{approvers: ["group:treasury"], within: 15m}]}
"""
PEOPLE = "ann: {uids: [1001], groups: [treasury]}\n"
WHY = "It went rogue."
ENTITIES = {
    "subject": {"type": "agent", "id": "a"},
    "action": {"name": "read"},
    "resource": {"type": "thing", "id": "t"},
}
SUBMIT = {"agent_id": "a", "action_type": "read", "resource": "orders"}
MCP = {"mcp_server": "crm", "namespace": "crm", "verb": "read", "resource": "contact:1"}
ADVICE = {"action_type": "read", "resource": "orders"}
CHANGE = {
    "server_name": "crm",
    "url": "https://hook.example",
    "orchestrator_agent_id": "a",
    "component_id": "c",
}

# What each route that decides is asked, by method and path; the rest of `_CHANGES` is decided in the same way.
DECIDES = {
    ("POST", "/access/v1/evaluation"): ENTITIES,
    ("POST", "/access/v1/evaluations"): {
        **ENTITIES,
        "evaluations": [{}, {"action": {"name": "write"}}],
        "options": {"context": True},
    },
    ("POST", "/access/v1/search/action"): {name: ENTITIES[name] for name in ("subject", "resource")},
    ("POST", "/api/v1/actions/submit"): SUBMIT,
    ("POST", "/api/v1/mcp/actions/submit"): MCP,
    ("POST", "/api/governance/policies/evaluate-realtime"): ADVICE,
}
# What reads an earlier decision, given its number or that of its approval.
READS = {
    ("GET", "/v1/decisions/{}"),
    ("GET", "/api/v1/actions/{}/status"),
    ("GET", "/api/v1/actions/{}"),
    ("GET", "/api/sdk/approval/{}"),
    ("GET", "/api/agent-activity"),
}
# What neither decides nor tells of a decision that could still be acted on.
OTHERS = {
    ("GET", "/.well-known/authzen-configuration"),
    ("POST", "/v1/decisions/{}/outcome"),
    ("POST", "/v1/ungoverned"),
    ("GET", "/v1/events"),
    ("GET", "/health"),
    ("GET", "/api/deployment-info"),
    ("POST", "/api/agent-action/{}/complete"),
    ("POST", "/api/agent-action/{}/fail"),
    ("POST", "/api/registry/agents"),
    ("POST", "/api/agents/health/heartbeat"),
    ("GET", "/api/agents/health/{}"),
    ("GET", "/api/registry/agents/{}/commands"),
    ("POST", "/api/registry/agents/{}/commands/{}/ack"),
    ("GET", "/api/sdk/kill-switch/status"),
    ("GET", "/audit/logs"),
}


@pytest.fixture
def house():
    return Switched(RULES)


@pytest.fixture
async def doors(house, tmp_path):
    async with open_doors(house, tmp_path) as opened:
        yield opened


async def ask(doors: Doors, method: str, path: str, body=None):
    def asking():
        connection = http.client.HTTPConnection(urlsplit(doors.url).netloc, timeout=10)
        try:
            raw = None if body is None else msgspec.json.encode(body)
            headers = {"Content-Type": "application/json", "Cookie": "ascend_agent=YQ"}
            connection.request(method, path, raw, headers)
            answer = connection.getresponse()
            return answer.status, msgspec.json.decode(answer.read())
        finally:
            connection.close()

    return await asyncio.to_thread(asking)


def is_allowed(told) -> list[bool]:
    """Of each decision in what a door says."""
    if "evaluations" in told:
        return [one["decision"] for one in told["evaluations"]]
    if "results" in told:
        return [bool(told["results"])]
    return [told["decision"] in (True, "allowed")]


@pytest.mark.parametrize(
    ("method", "path", "prefix"),
    [
        (*one, prefix)
        for one in DECIDES
        for prefix in ("", "/agent/a")
        if one[1].startswith("/api/") or not prefix
    ],
)
async def test_a_halt_denies_at_every_door_and_its_release_lets_pass(house, doors, method, path, prefix):
    if "search" in path:
        house.use("rules: [{id: all, match: {actions: [read]}, effect: allow, reason: It may read.}]\n")
    body = DECIDES[method, path]
    status, before = await ask(doors, method, prefix + path, body)
    assert (status, set(is_allowed(before))) == (200, {True})
    await house.block(Kind.AGENT, "agent:a")
    status, halted = await ask(doors, method, prefix + path, body)
    assert (status, set(is_allowed(halted))) == (200, {False})
    if "results" not in halted:
        assert WHY in str(halted)
        assert str(halted).count("'halted'") >= len(is_allowed(halted))
    await house.release(Kind.AGENT, "agent:a")
    assert set(is_allowed((await ask(doors, method, prefix + path, body))[1])) == {True}


async def test_a_gateway_may_not_pass_what_a_halted_agent_asks_for(house, doors):
    def asking():
        connection = http.client.HTTPConnection(urlsplit(doors.url).netloc, timeout=10)
        try:
            connection.request("GET", "/forward-auth/envoy/orders/1", headers={"Host": "shop.example"})
            answer = connection.getresponse()
            return answer.status, answer.headers["X-Ascend-Code"]
        finally:
            connection.close()

    assert await asyncio.to_thread(asking) == (200, "allowed")
    await house.block()
    assert await asyncio.to_thread(asking) == (403, "halted")
    await house.release()
    assert await asyncio.to_thread(asking) == (200, "allowed")


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
async def test_a_halted_agent_changes_nothing_outside(house, doors, change):
    path, body = change.path.replace("{}", "a1"), CHANGE if change.has_body else None
    _, before = await ask(doors, change.method, path, body)
    assert "went rogue" not in str(before)
    await house.block()
    status, told = await ask(doors, change.method, path, body)
    assert (status, WHY in told["detail"]) == (403, True)


_OF_HOLDS = ("GET", "/api/sdk/approval/{}")


@pytest.mark.parametrize(
    ("method", "path", "is_held"),
    [(*one, is_held) for one in sorted(READS) for is_held in (False, True) if is_held or one != _OF_HOLDS],
)
async def test_what_was_decided_before_reads_as_denied(house, doors, method, path, is_held):
    if is_held:
        house.use(HELD, people=PEOPLE)
    _, told = await ask(doors, "POST", "/api/v1/actions/submit", SUBMIT)
    its_id = told["approval_request_id"] if "approval/" in path else told["action_id"]
    before = (await ask(doors, method, path.format(its_id)))[1]
    await house.block()
    status, after = await ask(doors, method, path.format(its_id))
    assert status == 200
    expected = {"pending", "pending_approval", "allow", "approved", "auto_approved"}
    assert words(before) <= expected, before
    assert words(after) <= {"deny", "denied", "rejected"}, after


def words(told) -> set[str]:
    if "actions" in told:
        return {one["status"] for one in told["actions"]}
    return {told["context"]["verdict"]} if "context" in told else {told["status"]}


async def test_no_route_is_left_out(house):
    """A route that is new must be put among those that decide, those that read decisions, or the others."""
    changes = {(change.method, change.path) for change in CHANGES}
    known = {*DECIDES, *READS, *OTHERS, *changes}
    served = {(route.method, route.path) for route in house.routes() if not route.path.startswith("/agent/")}
    unknown = {one for one in served - known if not one[1].startswith(_OF_NO_AGENT)}
    assert (unknown, known - served) == (set(), set())


# Tables of the bundle, sums of sessions, output that is scanned, and what only a platform keeps.
_OF_NO_AGENT = (
    "/api/v1/orchestration/",
    "/api/v1/output-filter/",
    "/api/v1/supply-chain/",
    "/api/v1/resource-classifications",
    "/api/registry/mcp-servers",
    "/api/authorization/mcp-discovery/health-monitor",
    "/api/webhooks",
    "/api/alerts",
)


async def test_the_daemon_is_alive_although_everything_is_halted(house):
    health = Health(house.state, house.log, house.clock, "always", 0)
    await house.block(Kind.ORGANIZATION, "*")
    assert health.is_live()
    assert health.unready_because() == ()
    house.blind = "Nothing was heard."
    assert health.is_live()
