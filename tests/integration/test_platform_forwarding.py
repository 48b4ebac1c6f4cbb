"""With a platform behind the daemon: which calls reach it, under whose key, and what callers are told of the rest."""

import asyncio
import re

import pytest
from ascend.models import Decision

from sidecar.service.forwarding import WAYS, Way
from tests.fakes.audit import until
from tests.fakes.platform_book import Judged
from tests.tools import platform_faults as faults
from tests.tools.ascend_walk import ANSWERED, CHANGES, REFUSED, walk
from tests.tools.governed import OURS, THEIRS, governed

OPEN = "rules: [{id: everything, effect: allow, reason: This is a test.}]\n"
SENT = "rules: [{id: everything, effect: allow, score: platform, reason: This is a test.}]\n"
STRICT = (
    "rules:\n"
    "- {id: everything, effect: allow, reason: This is a test.}\n"
    "- {id: no-changes, match: {actions: ['platform.*']}, effect: deny, reason: Not from here.}\n"
)
WALKED = {**ANSWERED, **REFUSED, **CHANGES}
PASSED_ON = {Way.CHANGE, Way.THERE, Way.THERE_OR_HERE, Way.HERE_THEN_THERE}
# The walk deletes the server and the webhook before it turns to them again.
GONE = dict.fromkeys(
    ("mcp_server", "test_webhook", "activate_mcp_server", "deactivate_mcp_server"), "ValidationError"
)
# What the daemon says for itself, at once or from its outbox.
OWN = re.compile(
    r"/api/registry/agents|/api/agents/health/heartbeat|/api/agent-action/\w+/(complete|fail)"
    r"|/api/registry/agents/[\w-]+/commands/[\w-]+/ack"
)


def test_every_call_of_the_sdk_has_its_way():
    pairs = {f"{method} {path}" for method, path in WAYS}
    assert pairs == {pair for pair, _ in WALKED.values()} | {"GET /api/sdk/approval/{}"}
    changes = {f"{method} {path}" for (method, path), way in WAYS.items() if way is Way.CHANGE}
    assert changes == {pair for pair, _ in CHANGES.values()}


@pytest.fixture
async def open_house(tmp_path):
    async with governed(tmp_path, OPEN) as house:
        yield house


def sent_with(house, method: str, path: str) -> set[str]:
    heard = [
        one for one in house.simulator.heard if one.method == method and one.path.partition("?")[0] == path
    ]
    return {one.headers["X-API-Key"] for one in heard}


async def test_every_call_of_the_sdk_is_answered_and_what_is_passed_on_bears_its_callers_key(open_house):
    told = await open_house.sdk(lambda client: walk(client, WALKED))
    refused = {"cascade_kill": "AuthorizationError", **GONE}
    assert told == dict.fromkeys(WALKED, "ok") | refused
    own = {one.path for one in open_house.simulator.heard if one.headers["X-API-Key"] != THEIRS}
    assert {path for path in own if not OWN.fullmatch(path)} == set()
    assert sent_with(open_house, "POST", "/api/registry/agents") == {OURS}
    assert len(open_house.simulator.heard) >= sum(way in PASSED_ON for way in WAYS.values())
    hosts = {one.headers["Via"].split("/")[0] for one in open_house.simulator.heard}
    assert hosts == {"ascend-sidecar"}


async def test_changes_that_policy_denies_never_reach_the_platform(tmp_path):
    async with governed(tmp_path, STRICT) as house:
        told = await house.sdk(lambda client: walk(client, CHANGES))
        assert set(told.values()) == {"AuthorizationError"}
        assert house.simulator.heard == []


async def test_without_a_key_of_the_callers_nothing_is_passed_on(open_house):
    for method, path in (("GET", "/api/webhooks"), ("DELETE", "/api/webhooks/wh-1"), ("GET", "/audit/logs")):
        answer = await open_house.ask(method, path, X_API_Key="")
        assert (answer.status, "none was sent" in answer.body["detail"]) == (403, True)
    assert open_house.simulator.heard == []


async def test_a_key_that_the_platform_does_not_know_is_a_401(open_house):
    answer = await open_house.ask("GET", "/api/webhooks", X_API_Key="ask_wrong")
    assert (answer.status, answer.body) == (401, {"detail": "Invalid API key"})


async def test_what_belongs_to_one_connection_and_what_is_not_listed_stays_here(open_house):
    headers = {"Cookie": "a=b", "Connection": "close", "X_Forwarded_For": "10.0.0.1", "TE": "trailers"}
    await open_house.ask("GET", "/api/webhooks?limit=5", **headers)
    heard = open_house.simulator.heard[-1]
    names = {name.lower() for name in heard.headers}
    assert names.isdisjoint({"cookie", "connection", "te", "x-forwarded-for"})
    assert heard.path == "/api/webhooks?limit=5"


async def test_a_call_that_was_here_before_is_refused(open_house):
    await open_house.ask("GET", "/api/webhooks")
    via = open_house.simulator.heard[-1].headers["Via"]
    answer = await open_house.ask("GET", "/api/webhooks", Via=via)
    assert (answer.status, "leads back" in answer.body["detail"]) == (403, True)
    assert len(open_house.simulator.heard) == 1
    await open_house.ask("GET", "/api/webhooks", Via="1.1 another")
    assert open_house.simulator.heard[-1].headers["Via"].startswith("1.1 another, ascend-sidecar/")


SILENT = [faults.status(503), faults.hang_up, faults.raw(b"<html>"), faults.status(429, Retry_After="3600")]


@pytest.mark.parametrize("fault", SILENT, ids=["503", "hang up", "garbage", "429"])
async def test_what_is_known_here_is_answered_here_while_the_platform_is_silent(open_house, fault):
    open_house.simulator.fault = fault
    known = await open_house.ask("GET", "/audit/logs")
    assert (known.status, known.body["total"]) == (200, 0)
    unknown = await open_house.ask("GET", "/api/webhooks")
    assert unknown.status == 403
    assert unknown.body["detail"].startswith("The ASCEND platform does not answer: ")
    assert "Retry-After" not in unknown.headers


@pytest.mark.parametrize(
    ("said", "status", "text"),
    [
        (faults.status(404, {"detail": "no such hook"}), 422, "no such hook"),
        (faults.status(405), 422, "no"),
        (faults.status(409, {"detail": "it already exists"}), 422, "it already exists"),
        (faults.status(402, []), 403, "The ASCEND platform refused this with HTTP status 402."),
        (faults.status(403, {"detail": {"error": "governance violation"}}), 403, "governance violation"),
        (
            faults.shape("fine"),
            403,
            "The ASCEND platform answered with something else than an object or a list.",
        ),
    ],
)
async def test_refusals_come_in_shapes_that_the_sdk_reads(open_house, said, status, text):
    open_house.simulator.fault = said
    answer = await open_house.ask("GET", "/api/webhooks")
    assert (answer.status, answer.body["detail"]) == (status, text)


async def test_an_empty_answer_becomes_an_object(open_house):
    await open_house.ask("POST", "/api/webhooks/configure", {"url": "https://x.example/"})
    answer = await open_house.ask("DELETE", "/api/webhooks/wh-1")
    assert (answer.status, answer.body) == (200, {})
    assert answer.headers["X-Ascend-Verdict"] == "allow"


async def test_cookies_and_other_headers_of_the_platform_are_not_handed_on(open_house):
    open_house.simulator.fault = faults.status(200, {}, Set_Cookie="s=1", X_Internal="yes")
    answer = await open_house.ask("GET", "/api/webhooks")
    assert answer.headers.keys().isdisjoint({"Set-Cookie", "X-Internal"})


async def test_a_text_with_a_secret_is_blocked_here_and_never_shown_to_the_platform(open_house):
    secret = {"content": "key AKIAIOSFODNN7EXAMPLE", "agent_id": "a-1"}
    answer = await open_house.ask("POST", "/api/v1/output-filter/scan", secret)
    assert answer.body["blocked"] is True
    assert open_house.simulator.book.rooms.scans == []
    clean = await open_house.ask(
        "POST", "/api/v1/output-filter/scan", {"content": "hello", "agent_id": "a-1"}
    )
    assert clean.body["by"] == "platform"


async def test_actions_are_called_there_what_the_platform_calls_them(tmp_path):
    async with governed(tmp_path, SENT) as house:
        house.simulator.book.actions = {}
        await house.submit(resource="first")
        action = (await house.submit())["action_id"]
        answer = await house.ask("GET", f"/api/v1/output-filter/findings/{action}")
        assert answer.body["names"] == ["2"]
        assert (await house.ask("GET", "/api/v1/output-filter/findings/999")).body["findings"] == []


async def test_an_agent_that_is_bound_to_others_is_not_registered_with_the_daemons_key(tmp_path):
    data = tmp_path / "policies" / "data"
    data.mkdir(parents=True)
    (data / "agents.yaml").write_text("'agent:boss': {uids: [4242]}\n")
    async with governed(tmp_path, OPEN) as house:
        agent = {"agent_id": "boss", "display_name": "Boss"}
        assert (await house.ask("POST", "/api/registry/agents", agent)).status == 403
        assert house.simulator.book.agents == {}
        assert (await house.ask("POST", "/api/registry/agents", agent | {"agent_id": "free"})).status == 200
        assert set(house.simulator.book.agents) == {"free"}


async def test_the_platforms_people_decide_on_what_it_holds(tmp_path):
    async with governed(tmp_path, SENT) as house:
        house.simulator.book.rule = lambda body: Judged("pending", 30, "look at it")
        waiting = asyncio.ensure_future(house.sdk(lambda client: client.evaluate_action("transfer", "acct")))
        await until(lambda: house.simulator.book.actions)
        house.simulator.book.resolve("ar-1", "approved", "olga")
        decision = await waiting
        assert (decision.decision, decision.execution_allowed) == (Decision.ALLOWED, True)
        followed = [one for one in house.simulator.heard if one.path.endswith("/status")]
        assert {one.headers["X-API-Key"] for one in followed} == {OURS}


async def test_a_hold_of_the_platforms_outlives_a_restart_and_kill_9(tmp_path):
    async with governed(tmp_path, SENT) as house:
        house.simulator.book.rule = lambda body: Judged("pending", 30, "look at it")
        held = await house.submit()
        assert held["decision"] == "pending"
        await asyncio.to_thread(house.daemon.stop, 9)
        house.simulator.book.resolve("ar-1", "rejected", "olga", "no")
        await asyncio.to_thread(house.daemon.start)
        wait = {"Prefer": "wait=15"}
        told = (await house.ask("GET", f"/v1/decisions/{held['action_id']}", **wait)).body["context"]
        assert (told["verdict"], told["code"]) == ("deny", "approval_denied")
