"""The breaker of the platform's client: when it stops asking, who probes, and that callers cannot work it."""

import asyncio
import contextlib

import pytest

from sidecar.core.breaker import Phase
from sidecar.core.model import Verdict
from sidecar.core.platform import Reason, Scored, Unavailable
from sidecar.service.ports import CallersHeaders, PlatformCall, PlatformReply
from tests.fakes.audit import until
from tests.fakes.clock import TurnedClock
from tests.tools import platform_faults as faults
from tests.tools.platform_http import PATIENT, platform_of, scored
from tests.tools.platform_simulator import PlatformSimulator, serving

OPEN = Unavailable(Reason.CIRCUIT_OPEN)
PASSED_ON = PlatformCall("GET", "/health", sender=CallersHeaders({"X-API-Key": "ask_test"}))


class House:
    def __init__(self, simulator, platform, clock):
        self.simulator = simulator
        self.platform = platform
        self.clock = clock

    async def fail(self, times=5):
        """So many submits fail for good."""
        self.simulator.fault = faults.status(500)
        for _ in range(times):
            assert (await scored(self.platform)).reason is Reason.FAILING
        self.simulator.fault = None


@contextlib.asynccontextmanager
async def housed(**settings):
    """A client by a clock that is turned, and a platform that is well."""
    simulator, clock = PlatformSimulator(), TurnedClock()
    async with serving(simulator) as url, platform_of(url, clock, **settings) as platform:
        yield House(simulator, platform, clock)


async def test_after_five_failures_in_a_row_nothing_is_asked_any_more():
    async with housed() as house:
        await house.fail(4)
        assert house.platform.phase is Phase.CLOSED
        await house.fail(1)
        assert house.platform.phase is Phase.OPEN
        heard = len(house.simulator.heard)
        assert await scored(house.platform) == OPEN
        assert await house.platform.status("1", PATIENT) == OPEN
        assert len(house.simulator.heard) == heard


async def test_an_answer_in_between_starts_the_counting_anew():
    async with housed() as house:
        for _ in range(3):
            await house.fail(4)
            assert isinstance(await scored(house.platform), Scored)


async def test_after_thirty_seconds_one_call_probes_while_the_others_are_turned_away():
    async with housed() as house:
        await house.fail()
        house.clock.advance(30)
        gate = asyncio.Event()

        async def held(request, answer):
            await gate.wait()
            return await answer()

        house.simulator.fault, heard = held, len(house.simulator.heard)
        probe = asyncio.ensure_future(scored(house.platform))
        await until(lambda: len(house.simulator.heard) > heard)
        assert await asyncio.gather(*(scored(house.platform) for _ in range(20))) == [OPEN] * 20
        gate.set()
        assert (await probe).verdict is Verdict.ALLOW
        assert len(house.simulator.heard) == heard + 1
        assert house.platform.phase is Phase.CLOSED
        assert isinstance(await scored(house.platform), Scored)


async def test_a_probe_that_fails_costs_another_thirty_seconds():
    async with housed() as house:
        await house.fail()
        house.clock.advance(30)
        await house.fail(1)
        house.clock.advance(29)
        assert await scored(house.platform) == OPEN
        house.clock.advance(1)
        assert isinstance(await scored(house.platform), Scored)


async def test_a_probe_whose_caller_left_still_closes_it():
    async with housed() as house:
        await house.fail()
        house.clock.advance(30)
        house.simulator.fault = faults.slow(0.3)
        assert await scored(house.platform, within=0.05) == Unavailable(Reason.TIMEOUT)
        await until(lambda: house.platform.phase is Phase.CLOSED)


async def test_a_probe_whose_caller_was_cancelled_still_closes_it():
    async with housed() as house:
        await house.fail()
        house.clock.advance(30)
        house.simulator.fault, heard = faults.slow(0.3), len(house.simulator.heard)
        probe = asyncio.ensure_future(scored(house.platform))
        await until(lambda: len(house.simulator.heard) > heard)
        probe.cancel()
        await until(lambda: house.platform.phase is Phase.CLOSED)


async def test_callers_without_patience_do_not_open_it():
    async with housed() as house:
        house.simulator.fault = faults.slow(0.2)
        told = await asyncio.gather(*(scored(house.platform, within=0.01) for _ in range(20)))
        assert told == [Unavailable(Reason.TIMEOUT)] * 20
        house.simulator.fault = None
        assert isinstance(await scored(house.platform), Scored)
        assert house.platform.phase is Phase.CLOSED


async def test_a_platform_that_never_answers_opens_it_also_where_no_caller_waits_for_the_end():
    async with housed(timeout=0.3) as house:
        house.simulator.fault = faults.black_hole
        await asyncio.gather(*(scored(house.platform, within=0.01) for _ in range(5)))
        await until(lambda: house.platform.phase is Phase.OPEN)


async def test_no_more_than_so_many_calls_are_at_work():
    async with housed() as house:
        house.simulator.fault = faults.black_hole
        told = await asyncio.gather(*(scored(house.platform, within=0.5) for _ in range(300)))
        reasons = [one.reason for one in told]
        assert reasons.count(Reason.TIMEOUT) == 256
        assert reasons.count(Reason.OVERLOADED) == 44


FAILURES = [
    (faults.raw(b"<html>"), Reason.MALFORMED),
    (faults.reset_mid_body, Reason.CUT),
    (faults.hang_up, Reason.CUT),
    (faults.status(429), Reason.BUSY),
    (faults.status(503), Reason.FAILING),
    (faults.status(302, Location="/"), Reason.REDIRECTED),
    (faults.raw(b" " * faults.OVER), Reason.TOO_LARGE),
]


@pytest.mark.parametrize(("fault", "reason"), FAILURES)
async def test_each_of_these_is_a_failure(fault, reason):
    async with housed() as house:
        house.simulator.fault = fault
        told = await asyncio.gather(*(scored(house.platform) for _ in range(5)))
        assert {one.reason for one in told} == {reason}
        assert await scored(house.platform) == OPEN


@pytest.mark.parametrize("code", [401, 403, 404, 422])
async def test_a_platform_that_refuses_is_there(code):
    async with housed() as house:
        house.simulator.fault = faults.status(code)
        for _ in range(7):
            assert (await scored(house.platform)).status == code
        assert house.platform.phase is Phase.CLOSED


async def test_what_was_never_asked_says_nothing_of_the_platform(tmp_path):
    async with housed(key=tmp_path / "none") as house:
        for _ in range(7):
            assert (await scored(house.platform)).reason is Reason.NO_KEY
        (tmp_path / "none").write_text("ask_test")
        assert isinstance(await scored(house.platform), Scored)


async def test_what_callers_pass_on_cannot_keep_the_daemon_from_asking():
    async with housed() as house:
        house.simulator.fault = faults.status(500)
        for _ in range(5):
            assert (await house.platform.send(PASSED_ON, PATIENT)).reason is Reason.FAILING
        assert await house.platform.send(PASSED_ON, PATIENT) == OPEN
        house.simulator.fault = None
        assert isinstance(await scored(house.platform), Scored)
        house.clock.advance(30)
        assert isinstance(await house.platform.send(PASSED_ON, PATIENT), PlatformReply)


async def test_what_fails_in_the_background_keeps_nobody_from_asking_and_is_held_back_itself():
    call = PlatformCall("POST", "/api/agents/health/heartbeat", {"timestamp": "t"}, in_background=True)
    async with housed() as house:
        house.simulator.fault = faults.status(500)
        for _ in range(5):
            assert (await house.platform.send(call, PATIENT)).reason is Reason.FAILING
        house.simulator.fault = None
        assert await house.platform.send(call, PATIENT) == OPEN
        assert house.platform.phase is Phase.CLOSED
        assert isinstance(await scored(house.platform), Scored)
        house.clock.advance(31)
        assert isinstance(await house.platform.send(call, PATIENT), PlatformReply)


async def test_while_nothing_can_be_asked_the_background_still_can():
    call = PlatformCall("POST", "/api/agents/health/heartbeat", {"timestamp": "t"}, in_background=True)
    async with housed() as house:
        await house.fail(5)
        assert await scored(house.platform) == OPEN
        assert isinstance(await house.platform.send(call, PATIENT), PlatformReply)


WATCH = PlatformCall("GET", "/health", is_watch=True)


async def test_the_failures_of_nothing_else_keep_the_watch_from_asking():
    async with housed() as house:
        await house.fail(5)
        house.simulator.fault = faults.status(500)
        for _ in range(5):
            await house.platform.send(PlatformCall("GET", "/health", in_background=True), PATIENT)
        house.simulator.fault = None
        assert isinstance(await house.platform.send(WATCH, PATIENT), PlatformReply)


async def test_the_watch_asks_again_at_once_but_only_one_call_at_a_time():
    async with housed() as house:
        house.simulator.fault = faults.status(500)
        for _ in range(6):
            assert (await house.platform.send(WATCH, PATIENT)).reason is Reason.FAILING
        house.simulator.fault = faults.black_hole
        probe = asyncio.create_task(house.platform.send(WATCH, PATIENT))
        heard = len(house.simulator.heard)
        await until(lambda: len(house.simulator.heard) > heard)
        assert await house.platform.send(WATCH, PATIENT) == OPEN
        house.simulator.fault = None
        probe.cancel()
        house.clock.advance(10)  # a probe that says nothing for so long has failed
        assert isinstance(await house.platform.send(WATCH, PATIENT), PlatformReply)
        assert house.platform.phase is Phase.CLOSED
