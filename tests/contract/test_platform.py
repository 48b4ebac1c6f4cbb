"""The port Platform: one suite for the client against a simulated platform, and for the fake of other tests."""

import asyncio
import json

import pytest

from sidecar.core.model import Caller, Verdict
from sidecar.core.platform import Reason, Unavailable
from sidecar.service.ports import CallersHeaders, PlatformCall, PlatformReply
from tests.fakes.platform import FakePlatform
from tests.fakes.platform_book import Judged, PlatformBook
from tests.tools.certificates import self_signed
from tests.tools.platform_faults import black_hole, status
from tests.tools.platform_http import PATIENT, platform_of, scored
from tests.tools.platform_simulator import PlatformSimulator, serving

RULES = {
    "database.read": Judged("allowed", 12.5, "fine"),
    "pay": Judged("pending", 70, "two people"),
    "wipe": Judged("denied", 99, "never"),
    "mcp": Judged("denied", 100, "not registered", governance=True),
}


class InMemory:
    def __init__(self, book):
        self.platform = FakePlatform(book)

    def go_silent(self):
        self.platform.silent = True

    def go_down(self):
        self.platform.failing = Unavailable(Reason.FAILING, 500)


class OnServer:
    def __init__(self, simulator, platform):
        self.simulator = simulator
        self.platform = platform

    def go_silent(self):
        self.simulator.fault = black_hole

    def go_down(self):
        self.simulator.fault = status(500)


@pytest.fixture
def book():
    return PlatformBook(lambda body: RULES[body["action_type"]])


@pytest.fixture(params=["fake", "http", "https"])
async def house(request, book, tmp_path):
    if request.param == "fake":
        yield InMemory(book)
        return
    certificate = self_signed(tmp_path / "tls", "localhost")
    tls, ca_file = (certificate.server(), certificate.path) if request.param == "https" else (None, None)
    simulator = PlatformSimulator(book)
    async with serving(simulator, tls) as url, platform_of(url, ca_file=ca_file) as platform:
        yield OnServer(simulator, platform)


async def test_what_is_allowed_is_allowed_with_its_score_rounded_up(house):
    told = await scored(house.platform)
    assert (told.verdict, told.score, told.reason) == (Verdict.ALLOW, 13, "fine")
    assert told.raw_status == "auto_approved"
    assert told.action_id == "1"


async def test_what_is_denied_is_denied(house):
    told = await scored(house.platform, "wipe")
    assert (told.verdict, told.score, told.reason) == (Verdict.DENY, 99, "never")


async def test_a_refusal_of_governance_is_a_deny(house):
    told = await scored(house.platform, "mcp")
    assert (told.verdict, told.reason) == (Verdict.DENY, "not registered")


async def test_a_hold_is_followed_to_its_approval(house, book):
    held = await scored(house.platform, "pay")
    assert (held.verdict, held.approval_request_id) == (Verdict.PENDING, "ar-1")
    assert (await house.platform.status(held.action_id, PATIENT)).verdict is Verdict.PENDING
    assert (await house.platform.approval("ar-1", PATIENT)).verdict is Verdict.PENDING
    book.escalate("ar-1")
    assert (await house.platform.status(held.action_id, PATIENT)).raw_status == "escalated"
    book.resolve("ar-1", "approved", "ann")
    assert (await house.platform.status(held.action_id, PATIENT)).verdict is Verdict.ALLOW
    approval = await house.platform.approval("ar-1", PATIENT)
    assert (approval.verdict, approval.approver) == (Verdict.ALLOW, "ann")


async def test_a_hold_is_followed_to_its_refusal(house, book):
    held = await scored(house.platform, "pay")
    book.resolve("ar-1", "rejected", "bob", "not today")
    told = await house.platform.status(held.action_id, PATIENT)
    assert (told.verdict, told.reason) == (Verdict.DENY, "not today")
    approval = await house.platform.approval("ar-1", PATIENT)
    assert (approval.verdict, approval.approver, approval.reason) == (Verdict.DENY, "bob", "not today")


async def test_the_same_submit_again_is_the_same_action(house):
    first = await scored(house.platform, correlation_id="c-1")
    assert await scored(house.platform, correlation_id="c-1") == first


async def test_another_request_or_caller_under_the_same_id_is_another_action(house, book):
    await scored(house.platform, correlation_id="c-1")
    await scored(house.platform, correlation_id="c-1", note="other")
    await scored(house.platform, correlation_id="c-1", caller=Caller(uid=1001))
    await scored(house.platform)
    await scored(house.platform)
    assert len(book.actions) == 5


@pytest.mark.parametrize("unknown", ["77", "nobody"])
async def test_what_is_not_known_is_rejected(house, unknown):
    assert await house.platform.status(unknown, PATIENT) == Unavailable(Reason.REJECTED, 404)
    assert await house.platform.approval(unknown, PATIENT) == Unavailable(Reason.REJECTED, 404)


@pytest.mark.parametrize("broken", ["", "..", "1/../2", "1?x=1", "1#", "a b", "%2e%2e", "x" * 200, "\n"])
async def test_what_is_no_id_is_not_asked_for(house, book, broken):
    assert (await house.platform.status(broken, PATIENT)).reason is Reason.UNSENDABLE
    assert (await house.platform.approval(broken, PATIENT)).reason is Reason.UNSENDABLE
    assert not book.asked


async def test_a_completion_is_delivered_as_it_was_given(house, book):
    await scored(house.platform)
    body = {"action_id": "1", "status": "completed", "result": {"rows": 3, "é": 1.0}}
    call = PlatformCall("POST", "/api/agent-action/1/complete", body, correlation_id="c-1")
    told = await house.platform.send(call, PATIENT)
    assert told == PlatformReply(200, {"success": True, "action_id": 1, "status": "completed"})
    assert book.actions[1].outcome == body
    assert json.dumps(book.actions[1].outcome) == json.dumps(body)


async def test_what_the_platform_will_not_have_is_a_reply(house):
    told = await house.platform.send(PlatformCall("GET", "/api/nowhere"), PATIENT)
    assert told == PlatformReply(404, {"detail": "no such route"})


async def test_a_call_that_is_passed_on_goes_with_the_key_of_its_sender_and_never_with_ours(house, book):
    call = PlatformCall("GET", "/health", sender=CallersHeaders({"X-API-Key": "theirs"}))
    told = await house.platform.send(call, PATIENT)
    assert told == PlatformReply(401, {"detail": "Invalid API key"})
    assert not book.asked


async def test_without_an_answer_within_the_time_there_is_none(house):
    house.go_silent()
    async with asyncio.timeout(PATIENT / 2):
        told = await scored(house.platform, within=0.2)
    assert told == Unavailable(Reason.TIMEOUT)
    assert told.is_outage


@pytest.mark.parametrize("within", [0.0, -1.0])
async def test_without_time_nothing_is_asked(house, book, within):
    assert await scored(house.platform, within=within) == Unavailable(Reason.TIMEOUT)
    assert (await scored(house.platform)).verdict is Verdict.ALLOW
    assert len(book.asked) == 1


async def test_a_platform_that_fails_gives_no_answer(house):
    house.go_down()
    for told in (
        await scored(house.platform),
        await house.platform.status("1", PATIENT),
        await house.platform.approval("ar-1", PATIENT),
        await house.platform.send(PlatformCall("GET", "/health"), PATIENT),
    ):
        assert told == Unavailable(Reason.FAILING, 500)


async def test_many_at_once_each_get_their_own_answer(house):
    told = await asyncio.gather(*(scored(house.platform, action) for action in [*RULES] * 5))
    assert [one.reason for one in told] == [rule.reason for rule in RULES.values()] * 5
