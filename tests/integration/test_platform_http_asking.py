"""Asking the platform: what is sent, with whose key, through what; and what is never sent or told."""

import asyncio
import json
import os
import re
import traceback

import pytest

from sidecar import __version__
from sidecar.adapters.clock import SystemClock
from sidecar.adapters.platform_http import PlatformHttp, PlatformSettings
from sidecar.core.model import Verdict
from sidecar.core.platform import Reason, Scored, Unavailable
from sidecar.core.record import Trace
from sidecar.core.secret import Secret
from sidecar.service.ports import CallersHeaders, PlatformCall
from tests.fakes.clock import TurnedClock
from tests.tools.certificates import self_signed
from tests.tools.platform_faults import hang_up, raw, status
from tests.tools.platform_http import CALLER, PATIENT, platform_of, request, scored
from tests.tools.platform_simulator import PlatformSimulator, serving
from tests.tools.raw_server import answer, raw_server, tunnelling

SENDERS = {
    "x-api-key": "theirs",
    "authorization": "Bearer theirs",
    "x-correlation-id": "asc_1",
    "x-request-timestamp": "2026-01-31T09:00:00+00:00",
    "x-environment": "staging",
    "x-signature": "v1=00",
    "cookie": "hush",
    "host": "hush.example",
}


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def heard_of(call=None, **settings):
    """The headers of one request: a submit, or the call."""
    simulator = PlatformSimulator()
    async with serving(simulator) as url, platform_of(url, **settings) as platform:
        if call is None:
            await scored(platform)
        else:
            await platform.send(call, PATIENT)
    (heard,) = simulator.heard
    return {name.lower(): value for name, value in heard.headers.items()}


async def test_every_header_is_there():
    headers = await heard_of(clock=TurnedClock(1769850000.25), environment="staging")
    assert re.fullmatch(r"asc_[0-9a-f]{32}", headers.pop("x-correlation-id"))
    assert headers.pop("host").startswith("localhost:")
    assert int(headers.pop("content-length"))
    assert headers == {
        "x-api-key": "ask_test",
        "authorization": "Bearer ask_test",
        "user-agent": f"ascend-sidecar/{__version__}",
        "x-sdk-version": __version__,
        "x-environment": "staging",
        "content-type": "application/json",
        "accept": "application/json",
        "accept-encoding": "identity",
        "x-request-timestamp": "2026-01-31T09:00:00.250000+00:00",
        "via": "ascend-sidecar/host-1",
    }


async def test_the_trace_of_the_caller_goes_on():
    simulator = PlatformSimulator()
    async with serving(simulator) as url, platform_of(url) as platform:
        await platform.score(request(), CALLER, Trace(traceparent="00-1-2-01"), PATIENT, via="1.1 edge")
    (heard,) = simulator.heard
    assert heard.headers["traceparent"] == "00-1-2-01"
    assert heard.headers["Via"] == "1.1 edge, ascend-sidecar/host-1"


async def test_a_base_path_stays_before_every_path():
    simulator = PlatformSimulator()
    async with serving(simulator) as url, platform_of(f"{url}/tenants/x/") as platform:
        await scored(platform)
    assert simulator.heard[0].path == "/tenants/x/api/v1/actions/submit"


@pytest.mark.parametrize("body", [{"é": 1.0, "a": {"z": 1e-07, "b": [1, "\U0001f600"]}}, {"x": "y"}])
async def test_a_body_is_signed_as_the_platform_checks_it(tmp_path, body):
    secret = tmp_path / "secret"
    secret.write_text("s1\n")
    simulator = PlatformSimulator(signing_secret="s1")
    call = PlatformCall("POST", "/api/agents/health/heartbeat", body)
    async with serving(simulator) as url, platform_of(url, signing_secret=secret) as platform:
        assert (await platform.send(call, PATIENT)).status == 200
        assert simulator.book.heartbeats == [body]
        secret.write_text("s2")
        assert (await platform.send(call, PATIENT)).reason is Reason.UNAUTHORIZED
    assert b"s2" not in b"".join(heard.body for heard in simulator.heard)


async def test_what_has_no_body_is_not_signed():
    secret = Secret("s1")
    for call in (PlatformCall("GET", "/health"), PlatformCall("POST", "/api/agents/health/heartbeat", {})):
        assert "x-signature" not in await heard_of(call, signing_secret=secret)


async def test_each_try_is_signed_anew_under_one_correlation_id():
    simulator = PlatformSimulator()
    simulator.faults = [hang_up, status(503)]
    async with (
        serving(simulator) as url,
        platform_of(url, signing_secret=Secret("s1")) as platform,
    ):
        await scored(platform)
    headers = [heard.headers for heard in simulator.heard]
    assert len({one["X-Correlation-ID"] for one in headers}) == 1
    assert len({one["X-Request-Timestamp"] for one in headers}) == 3
    assert len({one["X-Signature"] for one in headers}) == 3


async def test_what_is_passed_on_bears_what_its_sender_sent_and_nothing_of_ours():
    call = PlatformCall("POST", "/health", {"a": 1}, sender=CallersHeaders(SENDERS))
    headers = await heard_of(call, signing_secret=Secret("s1"))
    sent = {name: value for name, value in SENDERS.items() if name not in {"cookie", "host"}}
    assert sent.items() <= headers.items()
    assert "hush" not in str(headers)
    assert "ask_test" not in str(headers)
    nobody = await heard_of(PlatformCall("POST", "/health", {"a": 1}, sender=CallersHeaders({})))
    assert not {"x-api-key", "authorization", "x-signature", "x-environment"} & nobody.keys()


async def test_a_key_in_a_file_is_read_again_when_it_changes(tmp_path):
    key = tmp_path / "key"
    key.write_text("first\n")
    simulator = PlatformSimulator()
    simulator.book.keys = {"first"}
    async with serving(simulator) as url, platform_of(url, key=key) as platform:
        assert isinstance(await scored(platform), Scored)
        simulator.book.keys = {"second"}
        assert await scored(platform) == Unavailable(Reason.UNAUTHORIZED, 401)
        key.write_text("second\n")
        assert isinstance(await scored(platform), Scored)
    assert [heard.headers["X-API-Key"] for heard in simulator.heard] == ["first", "first", "second"]


async def test_a_key_that_was_rotated_unseen_is_found_by_the_401(tmp_path):
    """A file system may show the new content under the old times."""
    key = tmp_path / "key"
    key.write_text("first")
    before = key.stat()
    simulator = PlatformSimulator()
    simulator.book.keys = {"first"}
    async with serving(simulator) as url, platform_of(url, key=key) as platform:
        await scored(platform)
        simulator.book.keys = {"other"}
        with key.open("r+") as file:
            file.write("other")
        os.utime(key, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert (await scored(platform)).verdict is Verdict.ALLOW
    assert [heard.headers["X-API-Key"] for heard in simulator.heard] == ["first", "first", "other"]


@pytest.mark.parametrize(
    "content", [None, "", "two words", "two\nlines", "caf\xe9", "a\r\nHost: evil", "x" * 9000]
)
async def test_without_a_usable_key_nothing_is_asked(tmp_path, content):
    key = tmp_path / "key"
    if content is not None:
        key.write_text(content)
    simulator = PlatformSimulator()
    async with serving(simulator) as url, platform_of(url, key=key) as platform:
        told = await scored(platform)
    assert told.reason is Reason.NO_KEY
    assert str(key) in told.detail
    assert not content or content not in told.detail
    assert not simulator.heard


async def test_a_key_that_went_away_is_not_used_any_more(tmp_path):
    key = tmp_path / "key"
    key.write_text("ask_test")
    simulator = PlatformSimulator()
    async with serving(simulator) as url, platform_of(url, key=key) as platform:
        assert isinstance(await scored(platform), Scored)
        key.unlink()
        assert (await scored(platform)).reason is Reason.NO_KEY


SCRIPTS = [
    b"",
    b"garbage\r\n\r\n",
    answer(b"hush", status="403 No"),
    answer(b"{", length=999),
    answer(b"<html>"),
]


@pytest.mark.parametrize("script", SCRIPTS)
async def test_nothing_that_is_told_holds_a_key(caplog, tmp_path, script):
    caplog.set_level(0)
    secret = tmp_path / "secret"
    secret.write_text("hush-secret")
    async with raw_server(script) as (url, _):
        key = Secret("hush-key")
        async with platform_of(url, key=key, signing_secret=secret) as platform:
            call = PlatformCall("GET", "/health", sender=CallersHeaders({"X-API-Key": "hush-theirs"}))
            told = [await scored(platform), await platform.send(call, PATIENT), call, platform, key]
    assert "hush" not in str(told).replace(str(tmp_path), "")
    assert "hush" not in caplog.text


def made(url, **settings):
    given = {"key": Secret("hush"), "host_id": "host-1"} | settings
    return PlatformHttp(PlatformSettings(url, **given), SystemClock())


@pytest.mark.parametrize(
    "url",
    [
        "http://platform.example",
        "http://10.0.0.1",
        "http://localhost.hush.example",
        "http://127.0.0.1@hush.example",
        "http://0.0.0.0:1",
        "https://me:hush@platform.example",
        "https://platform.example?k=hush",
        "https://platform.example#hush",
        "https://platform.example:hush",
        "https:///hush",
        "ftp://platform.example/hush",
        "platform.example/hush",
        "https://platform.example/hush hush",
        "https://platform.example/hush\n",
        "",
    ],
)
def test_an_address_that_cannot_be_used_is_refused_and_not_repeated(url):
    with pytest.raises(ValueError, match="platform") as caught:
        made(url)
    assert "hush" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "url", ["https://p.example", "http://127.0.0.1:1", "http://[::1]:1", "http://localhost"]
)
def test_beyond_this_machine_it_takes_tls(url):
    assert made(url)


@pytest.mark.parametrize("settings", [{"key": Secret("two words")}, {"host_id": "a b"}, {"host_id": ""}])
def test_what_could_never_be_sent_is_refused_at_once(settings):
    with pytest.raises(ValueError, match=r"API key|host id"):
        made("https://p.example", **settings)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_authorities_that_cannot_be_read_are_refused_at_once(tmp_path, content):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ValueError, match=r"ca\.pem"):
        made("https://p.example", ca_file=path)


@pytest.mark.parametrize(
    ("headers", "is_loop"),
    [
        ({"via": "ascend-sidecar/host-1"}, True),
        ({"Via": "1.1 edge, ascend-sidecar/host-1, 1.1 other"}, True),
        ({"VIA": "1.1 edge,1.1 ascend-sidecar/host-1"}, True),
        ({"via": "ascend-sidecar/host-2"}, False),
        ({"via": "ascend-sidecar/host-11"}, False),
        ({"via": "x-ascend-sidecar/host-1"}, False),
        ({"x-via": "ascend-sidecar/host-1"}, False),
        ({}, False),
        ({"via": ", ".join(["1.1 x"] * 17)}, True),
    ],
)
def test_a_request_that_comes_back_is_known(headers, is_loop):
    assert made("https://p.example").loops_back(headers) is is_loop


async def test_what_goes_out_would_be_known_if_it_came_back():
    headers = await heard_of(PlatformCall("GET", "/health", via="ascend-sidecar/host-2"))
    assert made("https://p.example").loops_back(headers)
    assert made("https://p.example", host_id="host-2").loops_back(headers)


async def test_this_machine_is_never_asked_through_a_proxy(monkeypatch):
    simulator = PlatformSimulator()
    async with raw_server(answer(b"", status="502 Bad")) as (proxy, asked), serving(simulator) as url:
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, proxy)
        async with platform_of(url) as platform:
            assert isinstance(await scored(platform), Scored)
    assert not asked.asked


async def test_through_a_proxy_the_certificate_counts_and_our_key_stays_inside(tmp_path, monkeypatch):
    certificate = self_signed(tmp_path, "platform.example")
    simulator = PlatformSimulator()
    async with serving(simulator, certificate.server()) as url, tunnelling(url) as (proxy, asked):
        monkeypatch.setenv("https_proxy", proxy.replace("://", "://me:hush@"))
        async with platform_of("https://platform.example", ca_file=certificate.path) as platform:
            assert isinstance(await scored(platform), Scored)
        async with platform_of("https://platform.example") as platform:
            assert (await scored(platform)).reason is Reason.TLS
    assert asked.asked[0].startswith("CONNECT platform.example:443 HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic" in asked.asked[0]
    assert "ask_test" not in asked.asked[0]
    assert "Proxy-Authorization" not in simulator.heard[0].headers


async def test_a_proxy_that_refuses_is_no_answer(monkeypatch):
    async with raw_server(answer(b"", status="407 Who")) as (proxy, _):
        monkeypatch.setenv("https_proxy", proxy.replace("://", "://me:hush@"))
        async with platform_of("https://platform.example") as platform:
            told = await scored(platform)
    assert told.reason is Reason.REFUSED
    assert "hush" not in str(told)


@pytest.mark.parametrize("proxy", ["socks5://hush:1080", "http://hush:port", "http://"])
def test_a_proxy_that_cannot_be_used_is_refused_at_once_and_not_repeated(monkeypatch, proxy):
    monkeypatch.setenv("https_proxy", proxy)
    with pytest.raises(ValueError, match="proxy of the environment") as caught:
        made("https://platform.example")
    assert "hush" not in "".join(traceback.format_exception(caught.value))


async def test_passwords_of_a_netrc_and_cookies_are_not_sent(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("default login me password hush\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    simulator = PlatformSimulator()
    told = {"action_id": 1, "decision": "allowed"}
    simulator.fault = raw(json.dumps(told).encode(), Set_Cookie="a=b; Path=/")
    async with serving(simulator) as url, platform_of(url) as platform:
        await asyncio.gather(scored(platform), scored(platform))
        await scored(platform)
    for heard in simulator.heard:
        assert heard.headers["Authorization"] == "Bearer ask_test"
        assert "Cookie" not in heard.headers
