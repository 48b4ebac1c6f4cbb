"""Real Envoy and nginx, with the configs of deploy/, before a real upstream, asking a real daemon."""

import contextlib
import hashlib

import pytest

from tests.tools.bundles import HEAD
from tests.tools.daemon import Daemon
from tests.tools.gateways import check_envoy, check_nginx, envoy, nginx

RULES = """rules:
  - id: orders
    match: {subjects: ["agent:a"], actions: [http.get, http.head, http.post], resources: ["http_path:*/orders*"]}
    effect: allow
    reason: Orders are its work.
  - id: payments
    match: {actions: [http.post], resources: ["http_path:*/payments"]}
    effect: approve
    approval: {stages: [{approvers: ["person:ann"], within: 15m}]}
    reason: Somebody must look.
  - {id: refunds, match: {resources: ["http_path:*/orders/*/refunds*"]}, effect: deny, reason: No refunds.}
"""
A = {"Authorization": "Bearer of a"}
ENABLED = {"ASCEND_SIDECAR_FORWARD_AUTH_ENABLED": "true", "ASCEND_SIDECAR_FORWARD_AUTH_GRPC": "true"}
# Beyond what a busy machine needs.
PATIENT = {"ASCEND_SIDECAR_FORWARD_AUTH_TIMEOUT": "5s", "ASCEND_SIDECAR_AUDIT_DEADLINE": "5s"}
WAYS = ("envoy over TCP", "envoy over a socket", "envoy over gRPC", "nginx over TCP", "nginx over a socket")
GATEWAYS = {"envoy": envoy, "nginx": nginx}
OURS = ("verdict", "code", "id", "risk", "reason", "subject")


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    folder = tmp_path_factory.mktemp("governed")
    with governing(folder) as running:
        yield running


@contextlib.contextmanager
def governing(folder):
    policies = folder / "policies"
    (policies / "data").mkdir(parents=True)
    (policies / "policy.yaml").write_text(HEAD + RULES)
    token = hashlib.sha256(b"of a").hexdigest()
    (policies / "data" / "agents.yaml").write_text(f"agent:a: {{tokens: [{token}]}}\n")
    (policies / "data" / "people.yaml").write_text("ann: {uids: [1001]}\n")
    with Daemon(folder, policies, environ=ENABLED | PATIENT) as running:
        yield running


@pytest.fixture(scope="module", params=WAYS)
def gateway(request, daemon, tmp_path_factory):
    kind, way = request.param.split(" over ")
    where = daemon.listen["decision" if way == "TCP" else "decision_socket"]
    if way == "gRPC":
        where = str(daemon.folder / "run" / "forward-auth.sock")
    with GATEWAYS[kind](tmp_path_factory.mktemp(kind), where, timeout="10s") as running:
        yield running


@pytest.fixture
def reached(gateway):
    """What reaches the upstream within this test."""
    gateway.upstream.seen.clear()
    return gateway.upstream.seen


def test_what_is_allowed_reaches_the_upstream_as_it_came_with_who_asked(gateway, reached):
    answer = gateway.ask("POST", "/orders/1?a=b%20c", b"body", **A)
    assert (answer.status, answer.raw) == (200, b"reached")
    ((method, path, headers),) = reached
    assert (method, path) == ("POST", "/orders/1?a=b%20c")
    assert (headers["x-ascend-subject"], headers["x-ascend-verdict"]) == ("agent:a", "allow")
    assert headers["x-ascend-id"].isdigit()


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("DELETE", "/orders/1", "no_matching_rule"),
        ("GET", "/customers", "no_matching_rule"),
        ("POST", "/orders/1/refunds", "policy_denied"),
        ("POST", "/orders/1/%72efunds", "policy_denied"),
        ("POST", "/orders/1/refunds?x=/orders", "policy_denied"),
        ("POST", "/payments", "approval_required"),
    ],
)
def test_what_is_not_allowed_reaches_nothing_and_its_client_is_told_why(gateway, reached, method, path, code):
    answer = gateway.ask(method, path, **A)
    assert (answer.status, answer.headers["x-ascend-code"]) == (403, code)
    assert bool(answer.headers.get("x-ascend-approval")) == (code == "approval_required")
    assert reached == []


@pytest.mark.parametrize("given", [{}, {"Authorization": "Bearer of b"}], ids=["none", "unknown"])
def test_without_a_known_token_it_is_401_with_a_challenge(gateway, reached, given):
    answer = gateway.ask("GET", "/orders/1", **given)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert reached == []


def test_a_client_cannot_say_who_it_is_or_what_was_decided(gateway, reached):
    forged = {f"X_Ascend_{name.title()}": "forged" for name in (*OURS, "approval")}
    assert gateway.ask("GET", "/orders/1", **A, **forged).status == 200
    ((_, _, headers),) = reached
    assert "forged" not in headers.values()
    assert not headers.get("x-ascend-approval")
    assert all(headers[f"x-ascend-{name}"] for name in OURS)


def test_headers_that_nobody_knows_but_look_like_ours_do_not_arrive(gateway, reached):
    answer = gateway.ask("GET", "/orders/1", **A, X_Ascend_Role="admin")
    assert answer.status == (403 if gateway.kind == "nginx" else 200)
    assert all("x-ascend-role" not in headers for _, _, headers in reached)


def test_headers_that_a_server_may_read_as_ours_do_not_arrive(gateway, reached):
    lines = (
        "GET /orders/1 HTTP/1.1",
        "Host: h",
        "Authorization: Bearer of a",
        "X_Ascend_Subject: root",
        "",
        "",
    )
    assert gateway.say("\r\n".join(lines).encode()) in {200, 400}
    assert all("root" not in headers.values() for _, _, headers in reached)


@pytest.mark.parametrize(
    "name", ["X_HTTP_Method_Override", "X_Original_URL", "X_Rewrite_URL", "X_HTTP_Method"]
)
def test_a_header_that_asks_for_another_method_or_path_is_refused(gateway, reached, name):
    answer = gateway.ask("GET", "/orders/1", **A, **{name: "DELETE"})
    assert (answer.status, answer.headers["x-ascend-code"], reached) == (403, "hostile_header", [])


def test_a_client_cannot_answer_for_the_gateway(gateway, reached):
    forged = {"X_Original_URI": "/orders/1", "X_Original_Method": "GET", "x_envoy_auth_partial_body": "false"}
    answer = gateway.ask("DELETE", "/customers", **A, **forged)
    assert (answer.status, answer.headers["x-ascend-code"], reached) == (403, "no_matching_rule", [])


@pytest.mark.parametrize(
    "path",
    [
        "/orders/..%2fcustomers", "/orders/%2e%2e%5ccustomers", "/orders/..;/customers", "/orders//1",
        "/orders/%252e%252e/customers", "/orders/%00", "/orders/%c0%ae%c0%ae/customers", "/orders/%ff",
        "/orders/..\\customers", "/orders/%0d%0aX:y", "/orders/;/../../customers", "/orders/" + "a" * 3000,
    ],
)  # fmt: skip
def test_a_hostile_path_reaches_nothing(gateway, reached, path):
    assert gateway.ask("GET", path, **A).status in {400, 403}
    assert reached == []


def test_a_trace_goes_on_and_is_on_record(gateway, reached, daemon):
    trace = f"00-{hashlib.sha256(gateway.address.encode()).hexdigest()[:32]}-b7ad6b7169203331-01"
    assert gateway.ask("GET", "/orders/1", **A, traceparent=trace).status == 200
    assert reached[0][2]["traceparent"] == trace
    lines = [
        line for path in (daemon.state / "audit").glob("*.jsonl") for line in path.read_text().splitlines()
    ]
    (recorded,) = [line for line in lines if trace in line]
    assert '"door":"forward_auth"' in recorded


def test_the_daemon_itself_refuses_what_an_envoy_passes_on_as_it_came(daemon, tmp_path):
    as_it_came = {"normalize_path": False, "path_with_escaped_slashes_action": "KEEP_UNCHANGED"}
    with envoy(tmp_path / "envoy", daemon.listen["decision_socket"], timeout="10s", **as_it_came) as gateway:
        for path in (
            "/orders/../customers",
            "/orders/%2e%2e/customers",
            "/orders/..%2fcustomers",
            "/orders//1",
        ):
            answer = gateway.ask("GET", path, **A)
            assert (answer.status, answer.headers["x-ascend-code"]) == (403, "hostile_path")
        assert gateway.ask("GET", "/orders/1", **A).status == 200
        assert len(gateway.upstream.seen) == 1


def test_the_examples_are_taken_as_they_are(tmp_path):
    """By the gateways' own checks, at the addresses that are written in them."""
    told = check_envoy(tmp_path), check_nginx(tmp_path)
    assert told == ("", "")
