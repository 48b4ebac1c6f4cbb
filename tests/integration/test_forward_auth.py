"""The door of gateways by itself: 200, 401 or 403 whatever comes, in time, with every identity header."""

import asyncio
import hashlib

import pytest

from sidecar.api.forward_auth_request import Reading
from sidecar.api.guards import CallerGuard
from sidecar.core.approval import Choice
from tests.fakes.audit import until
from tests.fakes.gated import Fails, NeverDecides, gated
from tests.fakes.switched import Switched
from tests.tools.daemon import Daemon

RULES = """rules:
  - {id: all, effect: allow, reason: It may do everything.}
  - {id: admin, match: {resources: ["http_path:*/admin*"]}, effect: deny, reason: Not there.}
"""
HELD = """rules:
  - id: all
    effect: approve
    reason: Somebody must look.
    approval: {stages: [{approvers: ["group:treasury"], within: 15m}]}
"""
PEOPLE = "ann: {uids: [1001], groups: [treasury]}\n"
OURS = {f"x-ascend-{name}" for name in ("verdict", "code", "id", "risk", "reason", "subject", "approval")}
LINE = b"GET /forward-auth/envoy/a HTTP/1.1\r\n"


@pytest.fixture
def house():
    return Switched(RULES)


@pytest.fixture
async def door(house, tmp_path):
    async with gated(house, str(tmp_path / "s")) as opened:
        yield opened


async def test_an_allow_is_200_without_a_body_and_is_on_record_as_what_the_gateway_asked(house, door):
    told = await door.ask("envoy/orders/1?x", "POST", X_Request_ID="r-1", traceparent="00-ab-cd-01")
    assert (told.status, told.raw, told.headers["x-ascend-code"]) == (200, b"", "allowed")
    assert (told.headers["x-ascend-subject"], told.headers["x-ascend-id"]) == ("agent:a", "0")
    assert (told.headers["x-request-id"], told.headers["traceparent"]) == ("r-1", "00-ab-cd-01")
    (record,) = house.log.records
    assert (record["door"], record["trace"]["traceparent"]) == ("forward_auth", "00-ab-cd-01")
    assert record["request"]["resource"]["id"] == "shop.example/orders/1"


async def test_a_deny_is_403_and_says_why(door):
    told = await door.ask("envoy/%61dmin/users")
    assert (told.status, told.headers["x-ascend-code"]) == (403, "policy_denied")
    assert (told.body["code"], told.body["detail"]) == ("policy_denied", "Not there.")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
async def test_every_method_is_asked_about_as_itself(house, door, method):
    assert (await door.ask("envoy/a", method)).status == 200
    assert house.log.records[-1]["request"]["action"]["name"] == f"http.{method.lower()}"


async def test_nginx_names_what_it_holds_in_headers(house, door):
    told = await door.ask("nginx", X_Original_URI="/admin/x", X_Original_Method="DELETE")
    assert (told.status, told.headers["x-ascend-code"]) == (403, "policy_denied")
    assert (await door.ask("nginx", X_Original_URI="/a", X_Original_Method="DELETE")).status == 200
    assert house.log.records[-1]["request"]["action"]["name"] == "http.delete"


async def test_a_hold_is_403_until_people_approve_and_then_once_200(house, door):
    house.use(HELD, people=PEOPLE)
    told = await door.ask("envoy/pay", "POST")
    approval = told.headers["x-ascend-approval"]
    assert (told.status, told.headers["x-ascend-verdict"]) == (403, "pending")
    assert (told.body["code"], approval in house.store.kept) == ("approval_required", True)
    await house.ballots.vote_by_uid(approval, 1001, Choice.APPROVE, "")
    assert (await door.ask("envoy/pay/more", "POST")).status == 403
    assert (await door.ask("envoy/pay", "POST")).status == 200
    assert (await door.ask("envoy/pay", "POST")).status == 403


async def test_a_token_says_who_asks_and_without_one_it_is_401(house, tmp_path):
    token = hashlib.sha256(b"of a").hexdigest()
    house.use(RULES, agents=f"agent:a: {{tokens: [{token}]}}\n")
    async with gated(house, str(tmp_path / "s"), reading=Reading()) as door:
        told = await door.ask("envoy/a", Authorization="Bearer of a")
        assert (told.status, told.headers["x-ascend-subject"]) == (200, "agent:a")
        for given in ({}, {"Authorization": "Bearer of b"}, {"Authorization": "Basic b2YgYQ=="}):
            told = await door.ask("envoy/a", **given)
            assert (told.status, told.headers["www-authenticate"]) == (401, "Bearer")
            assert told.headers["x-ascend-code"] == "unauthenticated"
    assert len(house.log.records) == 1


async def test_where_tcp_callers_need_a_token_one_that_is_not_known_is_401(house, daemon_with_tokens):
    answer = daemon_with_tokens.get("/forward-auth/envoy/a", Host="shop.example")
    assert (answer.status, answer.headers["X-Ascend-Code"]) == (401, "unauthenticated")
    known = daemon_with_tokens.get("/forward-auth/envoy/a", Host="shop.example", Authorization="Bearer known")
    assert (known.status, known.headers["X-Ascend-Subject"]) == (200, "agent:a")


@pytest.fixture
def daemon_with_tokens(tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text(f"gateway:{hashlib.sha256(b'known').hexdigest()}\n")
    environ = {"ASCEND_SIDECAR_FORWARD_AUTH_ENABLED": "true", "ASCEND_SIDECAR_TOKENS_FILE": str(tokens)}
    environ |= {"ASCEND_SIDECAR_FORWARD_AUTH_SUBJECT_FROM": "fixed"}
    environ |= {"ASCEND_SIDECAR_FORWARD_AUTH_SUBJECT": "agent:a"}
    with Daemon(tmp_path, environ=environ) as running:
        yield running


@pytest.mark.parametrize("door", ["decision", "decision_socket"])
def test_it_is_off_unless_it_is_enabled(daemon, door):
    assert daemon.get("/forward-auth/envoy/a", door).status == 404
    assert daemon.get("/forward-auth/nginx", door, X_Original_URI="/a", X_Original_Method="GET").status == 404


@pytest.mark.parametrize("target", ["envoy/a", "envoy/admin", "envoy/a/../b", "nginx", "other", ""])
async def test_every_answer_has_every_identity_header(door, target):
    told = await door.ask(
        target, X_Ascend_Subject="agent:root", X_Ascend_Approval="forged", X_Ascend_Made_Up="1"
    )
    assert OURS - told.headers.keys() == set()
    assert told.headers["x-ascend-subject"] in {"agent:a", ""}
    assert told.headers["x-ascend-approval"] == ""
    assert told.headers["x-envoy-auth-headers-to-remove"] == "x-ascend-made-up"


async def test_neither_host_nor_origin_is_looked_at_but_as_what_is_asked_for(door):
    assert (await door.ask("envoy/a", Host="evil.example", Origin="https://evil.example")).status == 200


@pytest.mark.parametrize(
    "pieces",
    [
        (b"GET /forward-auth/envoy/\x00 HTTP/1.1\r\nHost: h\r\n\r\n",),
        (b"GET /forward-", b"auth/envoy/a\x00b HTTP/1.1\r\nHost: h\r\n\r\n"),
        (b"GET /forward-auth/envoy/a b HTTP/1.1\r\nHost: h\r\n\r\n",),
        (b"GET /forward-auth/envoy/a HTTP/9.9\r\nHost: h\r\n\r\n",),
        (b"NONSENSE /forward-auth/envoy/a HTTP/1.1\r\nHost: h\r\n\r\n",),
        (LINE + b"Host: h\r\nHost: i\r\n\r\n",),
        (LINE + b"Host: h\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",),
        (LINE + b"Host: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",),
        (LINE + b"Host: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",),
        (LINE + b"Host: h\r\nContent-Length: 999999999\r\n\r\n",),
        (
            LINE
            + b"Host: h\r\nTransfer-Encoding: chunked\r\n\r\n"
            + (b"8000\r\n" + b"x" * 32768 + b"\r\n") * 9,
        ),
        (LINE + b"Host: h\r\nX: " + b"x" * 17_000 + b"\r\n\r\n",),
        (LINE, b"Host: h\r\nX: " + b"x" * 17_000),
        (LINE + b"Host: h\r\nno colon\r\n\r\n",),
        (LINE + b"\r\n",),
        (LINE + b"Host: \xff\r\n\r\n",),
        (b"GET /forward-auth/envoy/caf\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n",),
        (b"GET /forward-auth/envoy/" + b"a" * 9000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",),
    ],
    ids=range(18),
)
async def test_what_cannot_be_read_is_403_and_never_another_status(door, pieces):
    head = await door.say(*pieces)
    assert head.split(b"\r\n", 1)[0] == b"HTTP/1.1 403 Forbidden"
    assert b"\r\nX-Ascend-Verdict: deny\r\n" in head


async def test_a_message_that_does_not_end_is_403(door):
    asking = asyncio.create_task(door.say(LINE))
    while not asking.done():
        door.grow_old(6)
        await asyncio.sleep(0.02)
    assert (await asking).startswith(b"HTTP/1.1 403 ")


async def test_refusals_without_a_decision_are_counted_by_their_reason(house, door):
    await door.ask("envoy/a/../b")
    await door.ask("nginx")
    await door.say(LINE + b"Host: h\r\nHost: i\r\n\r\n")
    assert house.counted('ascend_sidecar_gateway_refusals_total{why="hostile_path"} 1.0')
    assert house.counted('ascend_sidecar_gateway_refusals_total{why="bad_request"} 2.0')
    assert house.log.records == []


async def test_an_upgrade_is_decided_as_what_it_asks_for(door):
    head = await door.say(LINE + b"Host: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("expected", ["0", "-1", "x", "", "99999999"])
async def test_who_never_decides_is_overtaken_by_the_deadline(house, tmp_path, expected):
    async with gated(house, str(tmp_path / "s"), NeverDecides(), within=0.1) as door:
        told = await door.ask("envoy/a", x_envoy_expected_rq_timeout_ms=expected)
        assert (told.status, told.headers["x-ascend-code"]) == (403, "deadline")


@pytest.mark.parametrize("expected", ["1", "60", "200"])
async def test_an_envoy_that_waits_for_less_is_answered_within_that(house, tmp_path, expected):
    async with gated(house, str(tmp_path / "s"), NeverDecides(), within=3600.0) as door:
        told = await door.ask("envoy/a", x_envoy_expected_rq_timeout_ms=expected)
        assert (told.status, told.headers["x-ascend-code"]) == (403, "deadline")


async def test_a_client_behind_nginx_cannot_change_the_deadline(house, tmp_path):
    async with gated(house, str(tmp_path / "s"), NeverDecides(), within=0.1) as door:
        asked = {
            "X_Original_URI": "/a",
            "X_Original_Method": "GET",
            "x_envoy_expected_rq_timeout_ms": "9999999",
        }
        assert (await door.ask("nginx", **asked)).headers["x-ascend-code"] == "deadline"
        asked |= {"x_envoy_expected_rq_timeout_ms": "1"}
    house.log.stuck = True
    async with gated(house, str(tmp_path / "t"), within=3600.0) as door:
        asking = asyncio.create_task(door.ask("nginx", **asked))
        await until(lambda: house.log.lines)
        await asyncio.sleep(0.05)  # what that header asks for is over long before
        house.log.release()
        assert (await asking).headers["x-ascend-code"] == "allowed"


async def test_an_answer_that_comes_too_late_is_given_to_nobody_and_harms_nothing(house, door):
    house.log.stuck = True
    told = await door.ask("envoy/a", x_envoy_expected_rq_timeout_ms="60")
    assert (told.status, told.headers["x-ascend-code"] in {"deadline", "audit_unavailable"}) == (403, True)
    house.log.release()
    assert house.log.records[-1]["type"] == "void"
    assert (await door.ask("envoy/a")).status == 200


async def test_an_error_of_ours_is_403(house, tmp_path):
    async with gated(house, str(tmp_path / "s"), Fails()) as door:
        told = await door.ask("envoy/a")
        assert (told.status, told.headers["x-ascend-code"]) == (403, "internal_error")
        assert "ZeroDivision" not in str(told.raw)


async def test_an_error_before_anything_is_decided_is_403_too(house, tmp_path):
    class Broken(CallerGuard):
        def identify(self, headers, peer):
            raise ZeroDivisionError("made to fail")

    async with gated(house, str(tmp_path / "s"), callers=Broken(frozenset(), frozenset)) as door:
        assert (await door.ask("envoy/a")).headers["x-ascend-code"] == "internal_error"


async def test_too_many_at_once_are_403(tmp_path):
    house = Switched(RULES, in_flight=4)
    house.log.stuck = True
    async with gated(house, str(tmp_path / "s"), within=5.0) as door:
        first = asyncio.create_task(door.ask("envoy/a"))
        await until(lambda: house.log.lines)
        told = await door.ask("envoy/b")
        assert (told.status, told.headers["x-ascend-code"]) == (403, "overloaded")
        assert {"retry-after", "x-ascend-id"} & told.headers.keys() == {"x-ascend-id"}
        house.log.release()
        assert (await first).status == 200
