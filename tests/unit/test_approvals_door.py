"""The approvals door: what comes in, what goes out, and which status each refusal has."""

import json

import pytest

from sidecar.api.approvals import ApprovalsDoor
from sidecar.api.listen import Door
from sidecar.api.message import HttpLimits, Incoming
from sidecar.api.router import Router
from sidecar.core.ijson import JsonLimits
from sidecar.core.model import Caller
from tests.fakes.house import House, asked

PEOPLE = "ann: {uids: [1001], groups: [treasury]}\ncleo: {uids: [1003]}\n"
HOLD = """rules:
  - id: big
    match: {actions: [pay]}
    effect: approve
    reason: Somebody from treasury.
    approval: {stages: [{approvers: ["group:treasury"], within: 15m}]}
"""


class Desk:
    """A house with its approvals door, asked as a peer of some uid."""

    def __init__(self) -> None:
        self.house = House(HOLD, people=PEOPLE)
        routes = ApprovalsDoor(self.house.ballots, JsonLimits(), 55.0).routes()
        self._door = Door(Router(routes), HttpLimits())

    async def ask(self, method: str, path: str, body=None, uid: int | None = 1001, **headers: str):
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"content-type": "application/json"} | headers
        reply = await self._door.respond(Incoming(method, path, given, raw, Caller(uid), True))
        lines = reply.headers.decode().splitlines()
        return reply.status, json.loads(reply.body), dict(line.split(": ", 1) for line in lines)

    async def held(self, **parts) -> str:
        return (await self.house.decider.decide(asked(Caller(uid=500), action="pay", **parts))).hold.id


@pytest.fixture
def desk():
    return Desk()


async def test_a_list_tells_who_asks_for_what_and_of_whom_it_is_asked(desk):
    approval_id = await desk.held(amount=3)
    status, body, _ = await desk.ask("GET", "/v1/approvals")
    (told,) = body["approvals"]
    assert status == 200
    assert (told["id"], told["standing"], told["subject"]) == (approval_id, "open", "agent:a")
    assert (told["action"], told["resource"], told["approvers"]) == ("pay", "thing:t", ["group:treasury"])
    assert told["expires_at"] == told["due"] > told["opened_at"]
    assert body["more"] == 0


async def test_one_is_told_whole_with_its_secrets_masked(desk):
    approval_id = await desk.held(amount=3, password="correct horse battery")
    status, told, _ = await desk.ask("GET", f"/v1/approvals/{approval_id}")
    assert status == 200
    assert told["request"]["action"]["properties"]["amount"] == 3
    assert "battery" not in json.dumps(told)
    assert told["answerable_by"] == ["ann"]
    assert (told["caller"], told["holds"], len(told["digest"])) == ({"uid": 500}, ["rule:big"], 64)
    assert told["risk"]["score"] >= 0


async def test_a_vote_answers_with_the_approval_as_it_is_then(desk):
    approval_id = await desk.held()
    status, told, _ = await desk.ask("POST", f"/v1/approvals/{approval_id}/approve", {"comment": "seen"})
    assert (status, told["standing"]) == (200, "granted")
    (vote,) = told["votes"]
    assert (vote["person"], vote["by"], vote["comment"]) == ("ann", "uid:1001", "seen")


async def test_a_vote_needs_no_body(desk):
    approval_id = await desk.held()
    status, told, _ = await desk.ask("POST", f"/v1/approvals/{approval_id}/deny")
    assert (status, told["standing"]) == (200, "denied")


@pytest.mark.parametrize(
    ("uid", "status", "why"),
    [
        (1002, 403, "name it there"),
        (0, 403, "uid 0 is no person"),
        (1003, 409, "not among"),
        (None, 403, "no person"),
    ],
)
async def test_who_may_not_vote_is_told_why(desk, uid, status, why):
    path = f"/v1/approvals/{await desk.held()}/approve"
    told = await desk.ask("POST", path, {}, uid)
    assert told[0] == status
    assert why in told[1]["detail"]


async def test_what_is_not_there_is_404_and_what_is_over_409(desk):
    assert (await desk.ask("GET", "/v1/approvals/apr_0"))[0] == 404
    assert (await desk.ask("POST", "/v1/approvals/apr_0/deny", {}))[0] == 404
    path = f"/v1/approvals/{await desk.held()}/deny"
    assert (await desk.ask("POST", path, {}))[0] == 200
    assert (await desk.ask("POST", path, {}))[0] == 409


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"comment": 5}, "comment"),
        ({"comment": "x" * 1001}, "comment"),
        ({"statement": "signed"}, "statement"),
        ({"statement": {"payload": "e30="}}, "statement"),
        (b"[]", ""),
        (b"{", ""),
    ],
)
async def test_a_body_that_is_no_vote_is_400(desk, body, field):
    status, told, _ = await desk.ask("POST", f"/v1/approvals/{await desk.held()}/approve", body)
    assert (status, told.get("field", "")) == (400, field)


async def test_a_statement_that_is_not_believed_is_403(desk):
    statement = {"payload": "e30=", "payloadType": "text/plain", "signatures": []}
    path = f"/v1/approvals/{await desk.held()}/approve"
    status, told, _ = await desk.ask("POST", path, {"statement": statement})
    assert (status, "no statement" in told["detail"]) == (403, True)


async def test_a_vote_that_cannot_be_kept_is_503_and_does_not_count(desk):
    approval_id = await desk.held()
    path = f"/v1/approvals/{approval_id}/approve"
    desk.house.log.failing = True
    assert (await desk.ask("POST", path, {}))[0] == 503
    desk.house.log.failing, desk.house.store.failing = False, True
    assert (await desk.ask("POST", path, {}))[0] == 503
    assert desk.house.approvals.book.get(approval_id).votes == ()


@pytest.mark.parametrize("query", ["state=closed", "since=x", "since=-1", "limit=1.5", "since=" + "9" * 19])
async def test_a_query_that_cannot_be_read_is_400(desk, query):
    status, told, _ = await desk.ask("GET", f"/v1/approvals?{query}")
    assert (status, told["field"]) == (400, query.partition("=")[0])


async def test_news_are_told_since_a_number_and_a_wait_is_acknowledged(desk):
    since = (await desk.ask("GET", "/v1/approvals"))[1]["changes"]
    approval_id = await desk.held()
    _, told, headers = await desk.ask("GET", f"/v1/approvals?since={since}", prefer="wait=30")
    assert [one["id"] for one in told["approvals"]] == [approval_id]
    assert headers["Preference-Applied"] == "wait=30"
    assert told["changes"] > since
