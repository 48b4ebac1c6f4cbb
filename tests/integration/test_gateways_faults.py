"""Whatever fails while the daemon answers, nothing passes, even an Envoy that passes all that it gets no word on.

Also what its operator must know: a daemon that is dead or stopped gives no word.
"""

import asyncio
import contextlib
import os
import resource
import signal
from pathlib import Path

import pytest

from sidecar.api.message import HttpLimits
from sidecar.core.killswitch import Kind
from tests.fakes.gated import Fails, NeverDecides, gated
from tests.fakes.switched import PATIENT, Switched
from tests.tools.bundles import HEAD
from tests.tools.daemon import Daemon, until
from tests.tools.gateways import Gateway, envoy, nginx

RULES = "rules: [{id: all, effect: allow, reason: It may do everything.}]\n"
SCORED = "rules: [{id: all, effect: allow, score: platform, reason: It may do everything.}]\n"
HELD = """rules:
  - {id: all, effect: approve, reason: Look., approval: {stages: [{approvers: ["group:treasury"], within: 15m}]}}
"""
PEOPLE = {"people": "ann: {uids: [1001], groups: [treasury]}\n"}
AS_A = {
    "ASCEND_SIDECAR_FORWARD_AUTH_ENABLED": "true",
    "ASCEND_SIDECAR_FORWARD_AUTH_GRPC": "true",
    "ASCEND_SIDECAR_FORWARD_AUTH_TIMEOUT": "5s",
    "ASCEND_SIDECAR_AUDIT_DEADLINE": "1s",
    "ASCEND_SIDECAR_FORWARD_AUTH_SUBJECT_FROM": "fixed",
    "ASCEND_SIDECAR_FORWARD_AUTH_SUBJECT": "agent:a",
}


@pytest.fixture(scope="module")
def lenient(tmp_path_factory):
    """An Envoy with `failure_mode_allow: true`, and the socket at which it looks for a daemon."""
    folder = tmp_path_factory.mktemp("lenient")
    with envoy(folder, str(folder / "s"), failure_mode_allow=True, timeout="10s") as gateway:
        yield gateway, str(folder / "s")


def fresh(gateway: Gateway) -> Gateway:
    """With no connection to a daemon of an earlier test left in it, and nothing seen."""
    counter = "cluster.ascend-sidecar-unix.upstream_cx_active"
    until(lambda: gateway.stat(counter) == 0, "Envoy has no connection left")
    gateway.upstream.seen.clear()
    return gateway


async def codes(gateway: Gateway, at_once: int = 2) -> list[tuple[int, str]]:
    """Status and code of two requests, and then of several at once."""
    one_by_one = [await asyncio.to_thread(gateway.ask, "GET", "/orders/1") for _ in range(2)]
    together = await asyncio.gather(
        *(asyncio.to_thread(gateway.ask, "POST", "/orders/1", b"x") for _ in range(at_once))
    )
    return [(answer.status, answer.headers.get("x-ascend-code", "")) for answer in (*one_by_one, *together)]


def counted(gateway: Gateway) -> tuple[int, int]:
    return gateway.stat("ext_authz.error"), gateway.stat("ext_authz.failure_mode_allowed")


async def disk_full(house):
    house.log.failing = True


async def disk_hangs(house):
    house.log.stuck = True


async def bundle_stale(house):
    house.state.max_staleness = 10.0
    house.state.checked(house.clock.now())
    house.clock.advance(20.0)


async def approvals_cannot_be_kept(house):
    house.store.failing = True


async def platform_black_holed(house):
    house.platform.silent = True


async def halted(house):
    await house.block()


async def all_halted(house):
    await house.block(Kind.ORGANIZATION, "*")


async def blind(house):
    house.blind = "Nothing was heard."


async def nothing(house):
    """The fault is elsewhere."""


FAULTS = {
    "the disk of the log is full": (RULES, disk_full, {"audit_unavailable"}),
    "the disk of the log hangs": (RULES, disk_hangs, {"audit_unavailable", "deadline", "overloaded"}),
    "the bundle is stale": (RULES, bundle_stale, {"bundle_stale"}),
    "a hold cannot be kept": (HELD, approvals_cannot_be_kept, {"audit_unavailable"}),
    "people must look": (HELD, nothing, {"approval_required"}),
    "the platform is a black hole": (SCORED, platform_black_holed, {"platform_unavailable", "deadline"}),
    "the agent is halted": (RULES, halted, {"halted"}),
    "everything is halted": (RULES, all_halted, {"halted"}),
    "the kill switch is blind": (RULES, blind, {"kill_switch_blind"}),
    "no decision is ever made": (RULES, nothing, {"deadline"}),
    "an error of ours": (RULES, nothing, {"internal_error"}),
}
# Nothing comes of these but what the deadline says.
SLOW = {"the disk of the log hangs", "the platform is a black hole", "no decision is ever made"}
DECIDERS = {"no decision is ever made": NeverDecides, "an error of ours": Fails}


async def test_without_a_fault_all_passes(lenient):
    gateway, path = fresh(lenient[0]), lenient[1]
    async with gated(Switched(RULES), path):
        assert {status for status, _ in await codes(gateway)} == {200}
    assert len(gateway.upstream.seen) == 4


@pytest.mark.parametrize("fault", FAULTS)
async def test_whatever_fails_inside_nothing_passes_an_envoy_that_passes_what_fails(lenient, fault):
    gateway, path = fresh(lenient[0]), lenient[1]
    before = counted(gateway)
    rules, break_, expected = FAULTS[fault]
    data = PEOPLE if rules is HELD else {}
    house = Switched(rules, platform=rules is SCORED, **data)
    await break_(house)
    decider = DECIDERS[fault]() if fault in DECIDERS else None
    async with gated(house, path, decider, within=0.2 if fault in SLOW else PATIENT):
        found = await codes(gateway)
    assert {status for status, _ in found} == {403}
    assert {code for _, code in found} <= expected
    assert (gateway.upstream.seen, counted(gateway)) == ([], before)


async def test_overload_passes_nothing(lenient):
    gateway, path = fresh(lenient[0]), lenient[1]
    before = counted(gateway)
    house = Switched(RULES, in_flight=4)
    house.log.stuck = True
    async with gated(house, path, within=0.5):
        found = await codes(gateway, at_once=12)
    assert {status for status, _ in found} == {403}
    assert "overloaded" in {code for _, code in found}
    assert (gateway.upstream.seen, counted(gateway)) == ([], before)


async def test_what_the_daemon_cannot_even_read_passes_nothing(lenient):
    """A head that is larger than the daemon takes, and not than Envoy does."""
    gateway, path = fresh(lenient[0]), lenient[1]
    before = counted(gateway)
    async with gated(Switched(RULES), path):
        answer = await asyncio.to_thread(gateway.ask, "GET", "/a", X_Request_ID="x" * 20_000)
    assert answer.status == 403
    assert (gateway.upstream.seen, counted(gateway)) == ([], before)


async def test_a_daemon_that_is_out_of_connections_is_passed_like_a_dead_one(lenient):
    """Nothing tells who connects before it has connected, so there is no answer to give."""
    gateway, path = fresh(lenient[0]), lenient[1]
    async with gated(Switched(RULES), path, limits=HttpLimits(connections=1)):
        _, held = await asyncio.open_unix_connection(path)
        try:
            before = counted(gateway)
            answer = await asyncio.to_thread(gateway.ask, "GET", "/a")
            assert (answer.status, len(gateway.upstream.seen)) == (200, 1)
            assert counted(gateway)[1] > before[1]
        finally:
            held.close()


# The same with a real daemon, its real disk, and every gateway.


@contextlib.contextmanager
def governing(folder: Path, **more):
    policies = folder / "policies"
    policies.mkdir()
    (policies / "policy.yaml").write_text(HEAD + RULES)
    with Daemon(folder, policies, environ=AS_A | more) as running:
        yield running


@pytest.fixture
def daemon(tmp_path):
    with governing(tmp_path) as running:
        yield running


@contextlib.contextmanager
def every_gateway(daemon: Daemon, folder: Path, timeout: str = "10s"):
    """By name; the lenient ones, of which one asks by gRPC, pass what they get no word on within the time."""
    where, over_grpc = daemon.listen["decision_socket"], str(daemon.folder / "run" / "forward-auth.sock")
    with (
        envoy(folder / "strict", where, timeout=timeout) as strict,
        envoy(
            folder / "lenient", daemon.listen["decision"], failure_mode_allow=True, timeout=timeout
        ) as lenient,
        envoy(folder / "grpc", over_grpc, failure_mode_allow=True, timeout=timeout) as lenient_over_grpc,
        nginx(folder / "nginx", where, timeout) as of_nginx,
    ):
        yield {"strict": strict, "lenient": lenient, "grpc": lenient_over_grpc, "nginx": of_nginx}


def statuses(gateways: dict[str, Gateway]) -> dict[str, int]:
    """Of a request through each; what passed is 200 because it reached the upstream, and nothing else did."""
    for gateway in gateways.values():
        gateway.upstream.seen.clear()
    found = {name: gateway.ask("GET", "/orders/1").status for name, gateway in gateways.items()}
    assert {name: bool(gateway.upstream.seen) for name, gateway in gateways.items()} == {
        name: status == 200 for name, status in found.items()
    }
    return found


ALL_PASS = {"strict": 200, "lenient": 200, "grpc": 200, "nginx": 200}
NONE_PASS = {"strict": 403, "lenient": 403, "grpc": 403, "nginx": 403}


def test_a_full_disk_a_hanging_writer_and_a_lost_one_pass_nothing_and_all_is_well_afterwards(
    daemon, tmp_path
):
    with every_gateway(daemon, tmp_path) as gateways:
        until(lambda: statuses(gateways) == ALL_PASS, "all is well")
        writer = writer_of(daemon)
        endless = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(writer, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        assert statuses(gateways) == NONE_PASS
        resource.prlimit(writer, resource.RLIMIT_FSIZE, endless)
        until(lambda: statuses(gateways) == ALL_PASS, "the log is written again")
        os.kill(writer_of(daemon), signal.SIGSTOP)
        assert statuses(gateways) == NONE_PASS
        os.kill(writer_of(daemon), signal.SIGCONT)
        until(lambda: statuses(gateways) == ALL_PASS, "the writer goes on")


def writer_of(daemon: Daemon) -> int:
    assert daemon.process is not None
    pid = daemon.process.pid
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def test_before_there_is_a_bundle_nothing_passes(tmp_path):
    missing = ("--bundle", str(tmp_path / "none.dsse"))
    running = Daemon(tmp_path, None, missing, AS_A | {"ASCEND_SIDECAR_TRUST_KEYS": KEY})
    with contextlib.ExitStack() as stack:
        stack.callback(running.__exit__)
        running.spawn().await_doors()
        gateways = stack.enter_context(every_gateway(running, tmp_path))
        assert statuses(gateways) == NONE_PASS
        assert gateways["lenient"].ask("GET", "/a").headers["x-ascend-code"] == "no_bundle"


KEY = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="


def test_a_stopped_or_dead_daemon_is_passed_by_an_envoy_that_passes_what_fails_and_by_nothing_else(
    daemon, tmp_path
):
    """The one way round the daemon, which only its operator can close: failure_mode_allow stays false."""
    unanswered = {"strict": 403, "lenient": 200, "grpc": 200, "nginx": 500}
    with every_gateway(daemon, tmp_path, timeout="1s") as gateways:
        until(lambda: statuses(gateways) == ALL_PASS, "all is well")
        os.kill(daemon.process.pid, signal.SIGSTOP)
        assert statuses(gateways) == unanswered
        os.kill(daemon.process.pid, signal.SIGCONT)
        until(lambda: statuses(gateways) == ALL_PASS, "the daemon goes on")
        daemon.stop(signal.SIGKILL)
        assert statuses(gateways) == unanswered
        assert gateways["lenient"].stat("ext_authz.failure_mode_allowed") >= 2
