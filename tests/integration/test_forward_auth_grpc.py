"""The gRPC way into the door of gateways: whatever comes, the status of the call is OK and the answer is in it."""

import contextlib
import socket
import subprocess
import sys

import grpc.aio
import pytest

from sidecar.api.forward_auth import ForwardAuth
from sidecar.api.forward_auth_grpc import ForwardAuthGrpc, _incoming
from sidecar.api.forward_auth_messages import METHOD, SERVICE, CheckRequest, CheckResponse
from sidecar.api.guards import CallerGuard
from sidecar.core.errors import ConfigError
from tests.fakes.gated import Fails, NeverDecides
from tests.fakes.switched import AS_A, PATIENT, Switched
from tests.tools.daemon import REPOSITORY

RULES = "rules: [{id: all, effect: allow, reason: It may do everything.}]\n"
OK, PERMISSION_DENIED, UNAUTHENTICATED = 0, 7, 16


class Door:
    """The server on a socket, and a client of it."""

    def __init__(self, path, house, decider=None, reading=AS_A, forward=None):
        self.path, self.touched = path, 0
        callers = CallerGuard(frozenset(), house.state.bound_tokens)
        if decider is not None:
            house.decider = decider
        door = forward or house.forward(callers, reading, PATIENT if decider is None else 0.1)
        self.server = ForwardAuthGrpc(door, path, 0o660, None, 1024, self._touch)

    def _touch(self):
        self.touched += 1

    async def check(self, raw: bytes, within: float = 10.0, method: str = METHOD):
        async with grpc.aio.insecure_channel(f"unix:{self.path}") as channel:
            call = channel.unary_unary(f"/{SERVICE}/{method}")
            return CheckResponse.FromString(await call(raw, timeout=within))


@contextlib.asynccontextmanager
async def opened(path, house, **more):
    door = Door(path, house, **more)
    door.server.bind()
    await door.server.open()
    try:
        yield door
    finally:
        await door.server.close(1.0)


def held(path="/orders/1?a=b", method="GET", host="shop.example", body="", **headers) -> bytes:
    request = CheckRequest()
    http = request.attributes.request.http
    http.method, http.path, http.host, http.body = method, path, host, body
    for name, value in {":path": path, **headers}.items():
        http.headers.add(key=name.replace("_", "-"), value=value)
    return request.SerializeToString()


def headers_of(answer) -> dict[str, str]:
    return {one.header.key: one.header.value for one in answer.headers}


@pytest.fixture
def house():
    return Switched(RULES)


async def test_an_allow_names_who_asked_and_takes_away_what_looks_like_it(house, tmp_path):
    async with opened(tmp_path / "s", house) as door:
        told = await door.check(held(x_ascend_subject="agent:root", x_ascend_role="admin"))
    assert (told.status.code, told.HasField("ok_response")) == (
        OK,
        True,
    )
    headers = headers_of(told.ok_response)
    assert (headers["x-ascend-subject"], headers["x-ascend-approval"]) == ("agent:a", "")
    assert all(name.startswith("x-ascend-") for name in headers)
    assert all(one.append_action == 2 for one in told.ok_response.headers)
    assert list(told.ok_response.headers_to_remove) == ["x-ascend-role"]
    (record,) = house.log.records
    assert record["request"]["resource"]["id"] == "shop.example/orders/1"
    assert door.touched == 1


async def test_a_name_that_is_none_puts_nothing_into_an_answer(house, tmp_path):
    request = CheckRequest.FromString(held())
    request.attributes.request.http.headers.add(key="x-ascend-a\r\nx-ascend-role: admin", value="1")
    async with opened(tmp_path / "s", house) as door:
        told = await door.check(request.SerializeToString())
    assert "x-ascend-role" not in headers_of(told.ok_response)


async def test_a_refusal_has_status_and_reason(house, tmp_path):
    await house.block()
    async with opened(tmp_path / "s", house) as door:
        told = await door.check(held(x_request_id="r-1"))
    assert (told.status.code, told.denied_response.status.code) == (PERMISSION_DENIED, 403)
    headers = headers_of(told.denied_response)
    assert (headers["x-ascend-code"], headers["x-request-id"]) == ("halted", "r-1")
    assert (headers["content-type"], "rogue" in told.denied_response.body) == (
        "application/problem+json",
        True,
    )


async def test_nobody_is_401(house, tmp_path):
    async with opened(tmp_path / "s", house, reading=type(AS_A)()) as door:
        told = await door.check(held(authorization="Bearer unknown"))
    assert (told.status.code, told.denied_response.status.code) == (UNAUTHENTICATED, 401)
    assert headers_of(told.denied_response)["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "hostile_path"),
        (b"\xff\xff\xff", "bad_request"),
        (held(path="/a/../b"), "hostile_path"),
        (held(path=""), "bad_request"),
        (held(method=""), "bad_request"),
        (held(host=""), "bad_request"),
        (held(body="x" * 1025), "bad_request"),
        (held(x_envoy_auth_partial_body="true", body="x"), "partial_body"),
        (held(x_http_method_override="DELETE"), "hostile_header"),
    ],
    ids=["empty", "garbage", "hostile", "no path", "no method", "no host", "large", "partial", "override"],
)
async def test_what_is_no_question_is_403_and_no_error(house, tmp_path, raw, code):
    async with opened(tmp_path / "s", house) as door:
        told = await door.check(raw)
    assert told.denied_response.status.code == 403
    assert headers_of(told.denied_response)["x-ascend-code"] in {code, "bad_request"}


@pytest.mark.parametrize(("decider", "code"), [(Fails(), "internal_error"), (NeverDecides(), "deadline")])
async def test_a_fault_of_ours_is_403_and_no_error(house, tmp_path, decider, code):
    async with opened(tmp_path / "s", house, decider=decider) as door:
        told = await door.check(held(x_envoy_expected_rq_timeout_ms="99999"))
    assert headers_of(told.denied_response)["x-ascend-code"] == code


async def test_a_fault_outside_of_any_decision_is_403_and_no_error(house, tmp_path):
    class Broken(ForwardAuth):
        async def respond(self, incoming):
            raise ZeroDivisionError("made to fail")

    callers = CallerGuard(frozenset(), frozenset)
    broken = Broken(house.decider, house.state, callers, AS_A, 0.18, house.metrics)
    async with opened(tmp_path / "s", house, forward=broken) as door:
        told = await door.check(held())
    assert headers_of(told.denied_response)["x-ascend-code"] == "internal_error"


@pytest.mark.parametrize(("remaining", "told"), [(2.0, "2000"), (0.0, "1"), (-1.0, "1"), (None, None)])
def test_what_is_left_of_the_call_is_how_long_envoy_waits_and_not_what_its_client_says(remaining, told):
    incoming = _incoming(held(x_envoy_expected_rq_timeout_ms="99999"), remaining)
    assert incoming.headers.get("x-envoy-expected-rq-timeout-ms") == told


async def test_no_other_method_is_served(house, tmp_path):
    async with opened(tmp_path / "s", house) as door:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await door.check(held(), method="Other")
    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_its_socket_has_the_rights_of_the_decision_socket_and_replaces_one_left_behind(house, tmp_path):
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))
    async with opened(path, house) as door:
        assert path.stat().st_mode & 0o777 == 0o660
        assert (await door.check(held())).HasField("ok_response")


async def test_a_socket_that_cannot_be_is_told_with_its_path(house, tmp_path):
    door = Door(tmp_path / "none" / "s", house)
    with pytest.raises(ConfigError, match="none/s: cannot listen"):
        door.server.bind()


WITHOUT = "import sys; sys.modules['grpc'] = None; from sidecar.cli.main import main; sys.exit(main())"


def test_without_the_extra_it_does_not_start_and_says_what_to_install(tmp_path):
    environ = {"ASCEND_SIDECAR_FORWARD_AUTH_ENABLED": "true", "ASCEND_SIDECAR_FORWARD_AUTH_GRPC": "true"}
    arguments = ["serve", "--policies", "default", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"]
    folders = ["--state-dir", str(tmp_path / "state"), "--run-dir", str(tmp_path / "run")]
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT, *arguments, *folders],
        cwd=REPOSITORY, env=environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ran.returncode, "pip install 'ascend-sidecar[grpc]'" in ran.stderr) == (78, True), ran.stderr


def test_a_daemon_that_does_not_need_it_does_not_load_it():
    script = "import sys, sidecar.daemon.run; sys.exit('grpc' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, timeout=60, check=False).returncode
        == 0
    )
