"""The platform fails in each of the ways there are: what needs it is denied, and nothing else suffers."""

import asyncio

import pytest

from tests.fakes.platform_book import Judged
from tests.tools import platform_faults as faults
from tests.tools.certificates import self_signed
from tests.tools.governed import OURS, governed
from tests.tools.platform_simulator import PlatformSimulator, serving

RULES = (
    "rules:\n"
    "- {id: sent, match: {actions: ['pay']}, effect: allow, score: platform, reason: fine}\n"
    "- {id: sent-local, match: {actions: ['log']}, effect: allow, score: platform, "
    "on_platform_unavailable: local, reason: fine}\n"
    "- {id: sent-open, match: {actions: ['open']}, effect: allow, score: platform, "
    "on_platform_unavailable: open, reason: fine}\n"
    "- {id: ours, match: {actions: ['read']}, effect: allow, reason: fine}\n"
)
SECRET = "signing-secret"


def code(told) -> tuple[str, str]:
    return told["decision"], told["policy_decision"]


async def denied_for(house, reason: str) -> None:
    """What needs the platform is denied for this reason, which is counted; what does not need it is decided."""
    told = await house.submit("pay")
    assert code(told) == ("denied", "platform_unavailable")
    assert told["execution_allowed"] is False
    assert reason in told["reason"]
    lines = await house.metrics()
    assert any(
        line.startswith(f'ascend_sidecar_platform_calls_total{{call="score",outcome="{reason}"}}')
        for line in lines
    )
    part = await house.platform_part()
    assert (part["status"], reason in part["detail"]) == ("degraded", True)
    assert code(await house.submit("read")) == ("allowed", "allowed")


@pytest.fixture
async def house(tmp_path):
    async with governed(tmp_path, RULES) as made:
        yield made


ANSWERS = {
    "black hole": (faults.black_hole, "timeout"),
    "slow drip": (faults.drip, "timeout"),
    "hangs up": (faults.hang_up, "cut"),
    "reset mid-body": (faults.reset_mid_body, "cut"),
    "cut mid-body": (faults.cut_mid_body, "cut"),
    "200 garbage": (faults.raw(b"<html>hello</html>"), "malformed"),
    "wrong shape": (faults.shape(["allowed"]), "malformed"),
    "half an answer": (faults.shape({"decision": "allowed"}), "malformed"),
    "endless": (faults.endless, "too_large"),
    "redirect": (faults.status(307, Location="http://127.0.0.1:1/"), "redirected"),
    "401": (faults.status(401), "unauthorized"),
    "403": (faults.status(403), "rejected"),
    "429 Retry-After 3600": (faults.status(429, Retry_After="3600"), "busy"),
    "500": (faults.status(500), "failing"),
    "503": (faults.status(503), "failing"),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_a_platform_that_fails_denies_what_needs_it_and_nothing_else(house, name):
    fault, reason = ANSWERS[name]
    house.simulator.fault = fault
    await denied_for(house, reason)
    house.simulator.fault = None
    assert code(await house.submit("pay")) == ("allowed", "allowed")
    assert (await house.platform_part())["status"] == "ok"


async def test_a_port_that_refuses(tmp_path):
    async with governed(tmp_path, RULES, url="http://127.0.0.1:1") as house:
        await denied_for(house, "refused")


async def test_a_certificate_that_is_not_trusted(tmp_path):
    certificate = self_signed(tmp_path / "tls", "localhost")
    async with (
        serving(PlatformSimulator(), certificate.server()) as url,
        governed(tmp_path, RULES, url=url) as house,
    ):
        await denied_for(house, "tls")


async def test_a_clock_that_is_far_from_the_platforms(tmp_path):
    """The platform refuses what is signed with a time of the past."""
    (tmp_path / "secret").write_text(SECRET)
    simulator = PlatformSimulator(signing_secret=SECRET)
    signing = {"ASCEND_SIDECAR_PLATFORM_SIGNING_SECRET_FILE": str(tmp_path / "secret")}
    async with governed(tmp_path, RULES, simulator, **signing) as house:
        assert code(await house.submit("pay")) == ("allowed", "allowed")
        simulator.ahead = 3600.0
        await denied_for(house, "unauthorized")


async def test_a_key_that_is_not_known_any_more(house):
    house.simulator.book.keys.discard(OURS)
    await denied_for(house, "unauthorized")


async def test_five_failures_open_the_breaker_and_the_platform_is_left_alone(house):
    house.simulator.fault = faults.status(500)
    for _ in range(5):
        await house.submit("pay")
    heard = len(house.simulator.heard)
    await denied_for(house, "circuit_open")
    assert len(house.simulator.heard) == heard
    assert 'ascend_sidecar_platform_breaker{phase="open"} 1.0' in await house.metrics()
    assert (await house.platform_part())["facts"]["breaker"] == "open"


async def test_each_rule_has_its_own_way_through_an_outage_and_open_is_marked_everywhere(house):
    house.simulator.fault = faults.status(503)
    assert code(await house.submit("pay")) == ("denied", "platform_unavailable")
    assert (await house.submit("log"))["decision"] == "allowed"
    assert code(await house.submit("open")) == ("allowed", "platform_open")
    lines = await house.metrics()
    assert "ascend_sidecar_platform_open_decisions_total 1.0" in lines
    assert any('code="platform_open"' in line for line in lines)
    assert (await house.platform_part())["facts"]["open_decisions"] == 1


async def test_a_platform_that_comes_late_loosens_nothing(house):
    """What it says after its time has no one to count for; the next one asks anew."""
    house.simulator.book.rule = lambda body: Judged("denied", 99, "no")
    house.simulator.faults = [faults.slow(1.5)]
    assert code(await house.submit("pay")) == ("denied", "platform_unavailable")
    assert code(await house.submit("pay")) == ("denied", "platform_denied")


@pytest.mark.parametrize("patience", [{"Prefer": "wait=1"}, {"X_Envoy_Expected_Rq_Timeout_Ms": "1000"}])
async def test_a_caller_with_less_patience_is_answered_within_it(tmp_path, patience):
    """The platform's own time is 30 s, and the client of these tests gives up after 10."""
    async with governed(tmp_path, RULES, ASCEND_SIDECAR_PLATFORM_TIMEOUT="30s") as house:
        house.simulator.fault = faults.black_hole
        told = await house.submit("pay", **patience)
        assert code(told) == ("denied", "platform_unavailable")
        body = {
            "subject": {"type": "agent", "id": "a"},
            "action": {"name": "pay"},
            "resource": {"type": "thing", "id": "t"},
        }
        asked = await house.ask("POST", "/access/v1/evaluation", body, **patience)
        assert asked.body["context"]["code"] == "platform_unavailable"


async def test_while_the_platform_is_a_black_hole_what_is_decided_here_does_not_wait(house):
    house.simulator.fault = faults.black_hole
    waiting = asyncio.ensure_future(house.submit("pay"))
    decided = await asyncio.gather(*(house.submit("read", f"r-{number}") for number in range(20)))
    assert {code(told) for told in decided} == {("allowed", "allowed")}
    assert code(await waiting) == ("denied", "platform_unavailable")
