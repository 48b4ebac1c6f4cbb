"""The platform over real sockets: what everything that can go wrong becomes, and what is tried again."""

import asyncio
import contextlib
import socket

import pytest

from sidecar.core.model import Verdict
from sidecar.core.platform import Reason, Unavailable
from sidecar.service.ports import CallersHeaders, PlatformCall, PlatformReply
from tests.fakes.audit import until
from tests.tools import platform_faults as faults
from tests.tools.certificates import self_signed
from tests.tools.platform_http import PATIENT, platform_of, scored
from tests.tools.platform_simulator import PlatformSimulator, serving
from tests.tools.raw_server import answer, raw_server

ALLOWED = b'{"action_id": 1, "decision": "allowed", "execution_allowed": true}'


@contextlib.asynccontextmanager
async def failing(fault, **settings):
    """A client, and a platform whose every answer is this fault."""
    simulator = PlatformSimulator()
    simulator.fault = fault
    async with serving(simulator) as url, platform_of(url, **settings) as platform:
        yield platform, simulator


async def told_of(fault, **settings):
    """What the fault becomes, well within the time of the test, and how often it was asked for."""
    async with failing(fault, **settings) as (platform, simulator), asyncio.timeout(PATIENT / 2):
        told = await scored(platform)
        return told, len(simulator.heard)


@pytest.mark.parametrize("fault", [faults.black_hole, faults.drip, faults.slow(PATIENT)])
async def test_what_takes_too_long_is_given_up_at_the_timeout(fault):
    assert await told_of(fault, timeout=0.3) == (Unavailable(Reason.TIMEOUT), 1)


async def test_the_caller_is_answered_when_its_own_time_is_over():
    async with failing(faults.black_hole) as (platform, _), asyncio.timeout(PATIENT / 2):
        assert await scored(platform, within=0.1) == Unavailable(Reason.TIMEOUT)


@pytest.mark.parametrize("fault", [faults.reset_mid_body, faults.cut_mid_body])
async def test_an_answer_that_breaks_off_is_none_and_is_not_asked_for_again(fault):
    told, times = await told_of(fault)
    assert (told.reason, told.status, times) == (Reason.CUT, 200, 1)


async def test_a_connection_that_ends_before_the_answer_is_tried_again_and_then_cut():
    told, times = await told_of(faults.hang_up)
    assert (told.reason, told.is_outage, times) == (Reason.CUT, True, 4)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>please log in</html>",
        b"OK",
        b"\xef\xbb\xbf" + ALLOWED,
        b"\xff\xfe",
        ALLOWED[:-1],
        ALLOWED + ALLOWED,
        ALLOWED + b', "action_id": 2',
        b'1, "other": ' + ALLOWED,
        b"1}",
        b'{"action_id": 1, "decision": "denied", "decision": "allowed"}',
        b'{"action_id": 1, "decision": "denied", "d\\u0065cision": "allowed"}',
        b'{"action_id": 1, "decision": "allowed", "risk_score": NaN}',
        b'{"action_id": 1, "decision": "allowed", "risk_score": 1e999}',
        b'{"action_id": 99999999999999999999, "decision": "allowed"}',
        b"[" * 10_000,
        b"",
        b"null",
        b"[]",
        b"{}",
    ],
)
async def test_garbage_is_never_an_allow(body):
    told, times = await told_of(faults.raw(body))
    assert (told.reason, told.status, times) == (Reason.MALFORMED, 200, 1)


@pytest.mark.parametrize(
    "body", [{"decision": "ALLOWED"}, {"action_id": 1, "decision": "allowed", "risk_level": "MEDIUM"}]
)
async def test_a_wrong_shape_is_never_an_allow(body):
    told, _ = await told_of(faults.shape(body))
    assert told.reason is Reason.MALFORMED


async def test_an_answer_that_is_compressed_unasked_is_not_read():
    told, _ = await told_of(faults.raw(ALLOWED, Content_Encoding="gzip"))
    assert told.reason is Reason.MALFORMED


@pytest.mark.parametrize("fault", [faults.raw(b" " * faults.OVER + ALLOWED), faults.endless])
async def test_more_than_an_answer_may_have_is_read_no_further(fault):
    told, times = await told_of(fault)
    assert (told.reason, times) == (Reason.TOO_LARGE, 1)


async def test_more_than_an_answer_may_have_is_not_even_begun_with():
    async with raw_server(answer(ALLOWED, length=faults.OVER)) as (url, _), platform_of(url) as platform:
        assert (await scored(platform)).reason is Reason.TOO_LARGE


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(code):
    elsewhere = PlatformSimulator()
    async with serving(elsewhere) as url:
        told, times = await told_of(faults.status(code, Location=f"{url}/api/v1/actions/submit"))
    assert (told.reason, told.status, times) == (Reason.REDIRECTED, code, 1)
    assert not elsewhere.heard


@pytest.mark.parametrize("code", [400, 402, 403, 404, 405, 409, 410, 422, 451])
async def test_what_the_platform_will_not_have_is_rejected(code):
    told, times = await told_of(faults.status(code))
    assert (told, times) == (Unavailable(Reason.REJECTED, code), 1)
    assert not told.is_outage


async def test_a_wrong_key_is_unauthorized_and_tried_once():
    assert await told_of(faults.status(401)) == (Unavailable(Reason.UNAUTHORIZED, 401), 1)


@pytest.mark.parametrize("code", [500, 501, 505, 520])
async def test_what_fails_for_good_is_not_tried_again(code):
    assert await told_of(faults.status(code)) == (Unavailable(Reason.FAILING, code), 1)


@pytest.mark.parametrize(
    ("code", "reason"), [(429, Reason.BUSY), (503, Reason.FAILING), (504, Reason.FAILING)]
)
async def test_what_may_pass_is_tried_four_times_in_all(code, reason):
    assert await told_of(faults.status(code)) == (Unavailable(reason, code), 4)


async def test_what_passes_is_an_answer_and_one_action():
    simulator = PlatformSimulator()
    simulator.faults = [faults.status(502), faults.hang_up, faults.status(429, Retry_After="0")]
    async with serving(simulator) as url, platform_of(url) as platform:
        assert (await scored(platform)).verdict is Verdict.ALLOW
    assert len({heard.headers["X-Correlation-ID"] for heard in simulator.heard}) == 1
    assert (len(simulator.heard), len(simulator.book.actions)) == (4, 1)


@pytest.mark.parametrize("when", ["3600", "999999999999999999", "Fri, 31 Dec 2199 23:59:59 GMT"])
@pytest.mark.parametrize("code", [429, 503])
async def test_a_time_to_come_back_beyond_the_deadline_is_not_waited_for(code, when):
    told, times = await told_of(faults.status(code, Retry_After=when))
    assert (told.status, times) == (code, 1)


async def test_a_time_to_come_back_within_the_deadline_is_kept_to():
    simulator = PlatformSimulator()
    simulator.faults = [faults.status(429, Retry_After="1")]
    async with serving(simulator) as url, platform_of(url) as platform:
        assert (await scored(platform)).verdict is Verdict.ALLOW
    assert len(simulator.heard) == 2


async def test_no_repeat_is_made_for_a_caller_that_has_left():
    async with failing(faults.status(503, Retry_After="1")) as (platform, simulator):
        told = await scored(platform, within=0.5)
        assert told == Unavailable(Reason.FAILING, 503)
        assert len(simulator.heard) == 1


COMPLETION = PlatformCall("POST", "/api/agent-action/1/complete", {"status": "completed"})
KEYED = PlatformCall("POST", "/api/agent-action/1/complete", {"status": "completed"}, correlation_id="c-1")
READ = PlatformCall("GET", "/health")
PASSED_ON = PlatformCall("GET", "/health", sender=CallersHeaders({"X-API-Key": "theirs"}))


@pytest.mark.parametrize(("call", "times"), [(COMPLETION, 1), (KEYED, 4), (READ, 4), (PASSED_ON, 1)])
async def test_only_what_is_safe_to_repeat_is_repeated(call, times):
    async with failing(faults.status(503)) as (platform, simulator):
        assert await platform.send(call, PATIENT) == Unavailable(Reason.FAILING, 503)
        assert len(simulator.heard) == times


def a_free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


async def test_a_refused_connection_is_tried_again_whatever_the_call():
    port = a_free_port()
    simulator = PlatformSimulator()
    async with platform_of(f"http://127.0.0.1:{port}", chance=lambda: 0.999) as platform:
        asking = asyncio.ensure_future(platform.send(COMPLETION, PATIENT))
        async with serving(simulator, port=port):
            assert await asking == PlatformReply(404, {"detail": "no such action"})
    assert len(simulator.heard) == 1


@pytest.mark.parametrize("url", [None, "https://nowhere.invalid"])
async def test_a_platform_that_cannot_be_reached_is_refused(url):
    async with platform_of(url or f"http://127.0.0.1:{a_free_port()}") as platform:
        told = await scored(platform)
    assert (told.reason, told.is_outage) == (Reason.REFUSED, True)


@pytest.mark.parametrize("raw", [b"SSH-2.0-OpenSSH_9.9\r\n", b"HTTP/1.1 200 OK\r\nBad\0Header: x\r\n\r\n"])
async def test_what_does_not_speak_http_is_malformed(raw):
    async with raw_server(raw) as (url, _), platform_of(url) as platform:
        assert (await scored(platform)).reason is Reason.MALFORMED


async def test_a_certificate_must_be_signed_by_who_is_trusted(tmp_path):
    certificate, other = (self_signed(tmp_path / name, "localhost") for name in ("ours", "other"))
    simulator = PlatformSimulator()
    async with serving(simulator, certificate.server()) as url:
        for ca_file in (None, other.path):
            async with platform_of(url, ca_file=ca_file) as platform:
                told = await scored(platform)
                assert (told.reason, told.is_outage) == (Reason.TLS, False)
        elsewhere = url.replace("localhost", "127.0.0.1")
        async with platform_of(elsewhere, ca_file=certificate.path) as platform:
            assert (await scored(platform)).reason is Reason.TLS
    assert not simulator.heard


async def test_a_server_that_speaks_plainly_where_tls_is_due_gets_nothing(tmp_path):
    async with (
        raw_server(answer(ALLOWED)) as (url, raw),
        platform_of(url.replace("http:", "https:"), timeout=0.5) as platform,
    ):
        assert isinstance(await scored(platform), Unavailable)
    assert not any("X-API-Key" in head for head in raw.asked)


@pytest.mark.parametrize(
    "path",
    ["", "api", "//evil.example/x", "/a/../b", "/a/./b", "/a/..", "/%2e%2e/b", "/a%2fb", "/a?x=1", "/a#f", "/a b",
     "/\r\nHost: evil", "/a//b", "/%00", "/é"],
)  # fmt: skip
async def test_a_path_that_could_mean_another_one_is_not_sent(path):
    async with failing(None) as (platform, simulator):
        assert (await platform.send(PlatformCall("GET", path), PATIENT)).reason is Reason.UNSENDABLE
        assert not simulator.heard


@pytest.mark.parametrize("body", [{"x": float("nan")}, {"x": float("inf")}])
async def test_a_body_that_json_cannot_hold_is_not_sent(body):
    async with failing(None) as (platform, simulator):
        told = await platform.send(PlatformCall("POST", "/health", body), PATIENT)
        assert told.reason is Reason.UNSENDABLE
        assert not simulator.heard


async def test_a_query_is_sent_as_it_was_meant():
    async with failing(None) as (platform, simulator):
        await platform.send(PlatformCall("GET", "/health", query=(("a b", "1&c=2"), ("é", "/"))), PATIENT)
        assert simulator.heard[0].path == "/health?a%20b=1%26c%3D2&%C3%A9=%2F"


async def test_lists_and_nothing_are_replies_to_what_is_not_a_submit():
    for body, value in ((b"[1, 2]", [1, 2]), (b"", None), (b' "x" ', "x")):
        async with failing(faults.raw(body)) as (platform, _):
            assert await platform.send(READ, PATIENT) == PlatformReply(200, value)


async def test_calls_that_are_under_way_end_when_it_is_closed():
    async with failing(faults.black_hole) as (platform, simulator), asyncio.timeout(PATIENT / 2):
        asking = asyncio.ensure_future(scored(platform))
        await until(lambda: simulator.heard)
        await platform.close()
        assert (await asking).reason is Reason.CUT


async def test_it_may_be_closed_and_used_again():
    async with failing(None) as (platform, _):
        for _ in range(2):
            assert (await scored(platform)).verdict is Verdict.ALLOW
            await platform.close()


async def test_connections_are_used_again():
    async with failing(None) as (platform, simulator):
        for _ in range(3):
            await scored(platform)
        assert len({heard.peer for heard in simulator.heard}) == 1
