"""What a gateway asks becomes a question: who, what, on what, with which headers; or nothing is asked at all."""

import hashlib

import pytest

from sidecar.api.forward_auth_request import NotAsked, Reading, Reason, read_asked
from sidecar.api.message import Incoming
from sidecar.core.masking import Masker
from sidecar.core.model import Action, Caller, Request, Resource, Subject
from sidecar.service.state import State
from tests.fakes.house import KEY
from tests.tools.bundles import bundle

A = Subject("agent", "a")
FIXED = Reading(subject=("agent", "a"))
TOKEN, SHARED = (hashlib.sha256(word).hexdigest() for word in (b"of a", b"of both"))
AGENTS = f"agent:a: {{tokens: [{TOKEN}, {SHARED}]}}\nagent:b: {{tokens: [{SHARED}]}}\n"


@pytest.fixture(scope="module")
def state():
    active = bundle("rules: [{id: all, effect: allow, reason: fine}]\n", agents=AGENTS)
    made = State(Masker(active.masking, KEY))
    made.activate(active, Masker(active.masking, KEY), 1.0)
    return made


def envoy(target="/orders/1", method="GET", body=b"", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Incoming(method, f"/forward-auth/envoy{target}", {"host": "h"} | named, body, Caller(), True)


def nginx(uri="/orders/1", method="GET", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    given = {"host": "h", "x-original-uri": uri, "x-original-method": method} | named
    return Incoming("GET", "/forward-auth/nginx", given, b"", Caller(), True)


def why(incoming, state, reading=FIXED, caller=Caller()):
    with pytest.raises(NotAsked) as raised:
        read_asked(incoming, caller, reading, state)
    return raised.value.why


@pytest.mark.parametrize("gateway", [envoy, nginx])
def test_a_held_request_is_method_and_path(gateway, state):
    asked = read_asked(gateway("/orders/1?a=b&c", "DELETE", host="Shop.Example:8443"), Caller(), FIXED, state)
    assert asked == Request(
        A,
        Action("http.delete", {"method": "DELETE", "query_string": "a=b&c"}),
        Resource("http_path", "shop.example/orders/1", {"port": "8443"}),
    )


def test_the_query_and_a_whole_body_are_part_of_what_is_asked_so_that_a_grant_is_for_them_alone(state):
    def digest(**parts):
        return read_asked(envoy(**parts), Caller(), FIXED, state).action.properties

    every = [
        digest(),
        digest(target="/orders/1?"),
        digest(target="/orders/1?x"),
        digest(body=b"1"),
        digest(body=b"2"),
    ]
    assert all(one not in every[:number] for number, one in enumerate(every))
    assert every[3]["body_sha256"] == hashlib.sha256(b"1").hexdigest()


def test_a_part_of_a_body_is_nothing_to_decide_by(state):
    assert why(envoy(body=b"1", x_envoy_auth_partial_body="true"), state) is Reason.PARTIAL_BODY
    read_asked(envoy(body=b"1", x_envoy_auth_partial_body="false"), Caller(), FIXED, state)


def test_the_actions_name_is_made_as_the_operator_says(state):
    reading = Reading(action="web.{method}.v1", subject=("agent", "a"))
    assert read_asked(envoy(method="PATCH"), Caller(), reading, state).action.name == "web.patch.v1"


def test_only_the_headers_that_the_operator_names_are_seen_by_policies(state):
    reading = Reading(subject=("agent", "a"), headers=("x-tenant", "x-absent"))
    asked = read_asked(envoy(x_tenant="t" * 2000, x_other="o"), Caller(), reading, state)
    assert asked.context == {"headers": {"x-tenant": "t" * 1024}}


@pytest.mark.parametrize("gateway", [envoy, nginx])
@pytest.mark.parametrize(
    "path", ["", "//", "/a/../b", "/a%2fb", "/a%252e", "/a\\b", "/a;b", "/%c0%af", "/a b"]
)
def test_a_hostile_path_is_never_a_question(gateway, path, state):
    expected = {Reason.HOSTILE_PATH} | ({Reason.BAD_REQUEST} if not path else set())
    assert why(gateway(path), state) in expected


@pytest.mark.parametrize("query", ["?a=../..", "?a=%2f%00;\\", "??", "?"])
def test_a_query_is_no_path(query, state):
    read_asked(envoy(f"/a{query}"), Caller(), FIXED, state)


@pytest.mark.parametrize(
    "name",
    ["x-http-method", "x-http-method-override", "x-method-override", "x-original-url", "x-rewrite-url"],
)
@pytest.mark.parametrize("gateway", [envoy, nginx])
def test_a_header_that_asks_for_another_method_or_path_is_hostile(gateway, name, state):
    assert why(gateway(**{name: "DELETE"}), state) is Reason.HOSTILE_HEADER


def test_an_identity_header_that_nginx_could_not_take_away_is_hostile(state):
    assert why(nginx(x_ascend_admin="1"), state) is Reason.HOSTILE_HEADER
    read_asked(nginx(x_ascend_subject="agent:root"), Caller(), FIXED, state)
    read_asked(envoy(x_ascend_admin="1"), Caller(), FIXED, state)


@pytest.mark.parametrize(
    "incoming",
    [
        envoy(method="get"), envoy(method="G T"), envoy(method=""), nginx(method=""), nginx(method="GET, POST"),
        envoy(host=""), envoy(host="a, b"), envoy(host="h/x"), nginx(uri="/a, /b"),
        Incoming("GET", "/forward-auth/envoyx", {"host": "h"}, b"", Caller(), True),
        Incoming("GET", "/forward-auth/", {"host": "h"}, b"", Caller(), True),
        Incoming("GET", "/forward-auth/nginx?x", {"host": "h"}, b"", Caller(), True),
    ],
    ids=lambda one: f"{one.method}-{one.target}-{'-'.join(one.headers.values())}",
)  # fmt: skip
def test_what_names_no_request_is_no_question(incoming, state):
    assert why(incoming, state) in {Reason.BAD_REQUEST, Reason.HOSTILE_PATH}


def test_a_token_that_one_agent_is_bound_to_says_who_asks(state):
    asked = read_asked(envoy(), Caller(token_id=TOKEN), Reading(), state)
    assert asked.subject == A


@pytest.mark.parametrize(
    "caller", [Caller(), Caller(uid=0), Caller(token_id=SHARED), Caller(token_id="0" * 64)]
)
def test_without_such_a_token_nobody_asks(caller, state):
    assert why(envoy(), state, Reading(), caller) is Reason.UNAUTHENTICATED


def test_without_a_bundle_no_token_says_anything():
    empty = State(Masker(bundle("rules: []\n").masking, KEY))
    assert why(envoy(), empty, Reading(), Caller(token_id=TOKEN)) is Reason.UNAUTHENTICATED


def test_a_header_of_the_gateway_says_who_asks(state):
    reading = Reading(subject_header="x-agent-id", subject_type="service")
    asked = read_asked(envoy(x_agent_id="spiffe://acme/a"), Caller(), reading, state)
    assert asked.subject == Subject("service", "spiffe://acme/a")


@pytest.mark.parametrize("name", ["", "a, b", "a b", "a,b", "caf\xe9", "a" * 257])
def test_a_header_that_is_missing_double_or_odd_says_nothing(name, state):
    given = {"x_agent_id": name} if name else {}
    assert why(envoy(**given), state, Reading(subject_header="x-agent-id")) is Reason.UNAUTHENTICATED


def test_a_certificate_says_who_asks(state):
    reading = Reading(by_certificate=True)
    asked = read_asked(envoy(x_forwarded_client_cert="Hash=1;URI=spiffe://acme/a"), Caller(), reading, state)
    assert asked.subject == Subject("agent", "spiffe://acme/a")
    two = "URI=spiffe://acme/a,URI=spiffe://acme/b"
    assert why(envoy(x_forwarded_client_cert=two), state, reading) is Reason.UNAUTHENTICATED
