"""Asking for bundles over HTTP: what is sent, through what, and to whom; and what is never sent or told."""

import base64
import traceback

import pytest

from sidecar import __version__
from sidecar.adapters.bundle_http import BundleHttp
from sidecar.core.errors import BundleError, SourceRefused, SourceUnavailable
from tests.fakes.bundle_server import BundleServer, serving
from tests.tools.bundle_http import fetched, source_of
from tests.tools.certificates import self_signed
from tests.tools.raw_server import answer, raw_server, tunnelling

BODY = b'{"payload": "' + b"x" * 500 + b'"}'


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def test_a_request_says_who_asks_and_what_is_understood():
    server = BundleServer()
    server.put(BODY)
    async with serving(server) as url:
        await fetched(url)
    (headers,) = server.asked
    assert headers["User-Agent"] == f"ascend-sidecar/{__version__}"
    assert headers["Accept-Encoding"] == "gzip"
    assert not {"Authorization", "If-None-Match", "Prefer", "Cookie"} & set(headers)


async def test_a_token_is_read_anew_for_each_fetch(tmp_path):
    token = tmp_path / "token"
    token.write_text("first\n")
    server = BundleServer()
    server.put(BODY)
    server.token = "first"
    async with serving(server) as url, source_of(url, token_file=token) as source:
        assert await source.fetch(None, 0)
        server.token = "second"
        with pytest.raises(SourceRefused, match="401"):
            await source.fetch(None, 0)
        token.write_text("second\n")
        assert await source.fetch(None, 0)


@pytest.mark.parametrize(
    "content", [None, "", "two words", "two\nlines", "caf\xe9", "a\r\nHost: evil", "x" * 20_000]
)
async def test_without_a_usable_token_nothing_is_asked(tmp_path, content):
    token = tmp_path / "token"
    if content is not None:
        token.write_text(content)
    server = BundleServer()
    async with serving(server) as url:
        with pytest.raises(SourceRefused, match="token file") as caught:
            await fetched(url, token_file=token)
    assert not server.asked
    assert not content or content not in str(caught.value)


def test_a_token_goes_only_over_https_or_to_this_machine(tmp_path):
    limits = {"max_download": 1, "max_size": 1, "timeout": 1.0, "token_file": tmp_path / "token"}
    for url in ("https://bundles.example/b", "http://127.0.0.1/b", "http://[::1]:8/b", "http://localhost/b"):
        assert BundleHttp(url, **limits)
    for url in ("http://bundles.example/b", "http://10.0.0.1/b", "http://localhost.example/b"):
        with pytest.raises(ValueError, match="only over https"):
            BundleHttp(url, **limits)


@pytest.mark.parametrize(
    "url",
    [
        "https://user:hush@bundles.example/b",
        "https://hush@bundles.example/b",
        "https://bundles.example/b#hush",
        "https://bundles.example:hush/b",
        "https:///hush",
        "ftp://bundles.example/hush",
        "bundles.example/hush",
        "https://bundles.example/hush hush",
        "https://bundles.example/hush\n",
        "https://b\xfcndel.example/hush",
        "",
    ],
)
def test_a_url_that_cannot_work_or_holds_a_password_is_refused_and_not_repeated(url):
    with pytest.raises(ValueError, match="the URL of the bundle") as caught:
        BundleHttp(url, max_download=1, max_size=1, timeout=1.0)
    assert "hush" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "script",
    [b"", b"garbage\r\n\r\n", answer(BODY, status="403 No"), answer(BODY, length=999), answer(b"<html>")],
)
async def test_no_trace_of_an_error_holds_the_query_or_the_token(tmp_path, script):
    token = tmp_path / "token"
    token.write_text("hush-token")
    async with raw_server(script) as (url, _), source_of(url + "/b?sig=hush", token_file=token) as source:
        with pytest.raises(BundleError) as caught:
            await source.fetch(None, 0)
        assert "hush" not in source.name
    told = "".join(traceback.format_exception(caught.value))
    assert source.name in told
    assert "hush" not in told


async def test_a_query_is_sent_as_it_was_written():
    async with raw_server(answer(BODY)) as (url, raw):
        await fetched(f"{url}/a%2Fb%20c?X-Sig=a%2Bb%2F+c&empty=")
    assert raw.asked[0].startswith("GET /a%2Fb%20c?X-Sig=a%2Bb%2F+c&empty= HTTP/1.1\r\n")


async def test_a_certificate_must_be_signed_by_who_is_trusted(tmp_path):
    certificate = self_signed(tmp_path, "localhost")
    server = BundleServer()
    server.put(BODY)
    async with serving(server, certificate.server()) as url:
        assert (await fetched(url, ca_file=certificate.path)).content == BODY
        with pytest.raises(SourceUnavailable, match="certificate"):
            await fetched(url)
        with pytest.raises(SourceUnavailable, match="certificate"):
            await fetched(url, ca_file=self_signed(tmp_path / "other", "localhost").path)
        with pytest.raises(SourceUnavailable, match="certificate"):
            await fetched(url.replace("localhost", "127.0.0.1"), ca_file=certificate.path)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_authorities_that_cannot_be_read_are_refused_at_once(tmp_path, content):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ValueError, match=r"ca\.pem"):
        BundleHttp("https://bundles.example/b", max_download=1, max_size=1, timeout=1.0, ca_file=path)


async def test_the_proxy_of_the_environment_is_used(monkeypatch):
    async with raw_server(answer(BODY)) as (proxy, raw):
        monkeypatch.setenv("http_proxy", proxy.replace("://", "://me:hush@"))
        assert (await fetched("http://bundles.example/b")).content == BODY
    assert raw.asked[0].startswith("GET http://bundles.example/b HTTP/1.1\r\n")
    assert f"Proxy-Authorization: Basic {base64.b64encode(b'me:hush').decode()}" in raw.asked[0]


async def test_a_proxy_gets_its_password_and_not_our_token(tmp_path, monkeypatch):
    token = tmp_path / "token"
    token.write_text("our-token")
    async with raw_server(answer(b"", status="502 Bad")) as (proxy, raw):
        monkeypatch.setenv("https_proxy", proxy.replace("://", "://me:hush@"))
        with pytest.raises(SourceUnavailable):
            await fetched("https://bundles.example/b", token_file=token)
    assert raw.asked[0].startswith("CONNECT bundles.example:443 HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic" in raw.asked[0]
    assert "our-token" not in raw.asked[0]


async def test_through_a_proxy_the_certificate_counts_and_its_password_stays_with_it(tmp_path, monkeypatch):
    certificate = self_signed(tmp_path, "bundles.example")
    server = BundleServer()
    server.put(BODY)
    async with serving(server, certificate.server()) as url, tunnelling(url) as (proxy, raw):
        monkeypatch.setenv("https_proxy", proxy.replace("://", "://me:hush@"))
        address = "https://bundles.example/bundle.dsse"
        assert (await fetched(address, ca_file=certificate.path)).content == BODY
        with pytest.raises(SourceUnavailable, match="certificate"):
            await fetched(address)
    assert "Proxy-Authorization" in raw.asked[0]
    assert "Proxy-Authorization" not in server.asked[0]


async def test_a_host_that_the_environment_exempts_is_asked_itself(monkeypatch):
    async with raw_server(answer(BODY)) as (proxy, raw):
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.setenv("no_proxy", ".invalid")
        with pytest.raises(SourceUnavailable):
            await fetched("http://nowhere.invalid/b")
    assert not raw.asked


async def test_this_machine_is_never_asked_through_a_proxy(monkeypatch):
    async with (
        raw_server(answer(b"", status="502 Bad")) as (proxy, raw),
        raw_server(answer(BODY)) as (url, _),
    ):
        monkeypatch.setenv("http_proxy", proxy)
        assert (await fetched(url)).content == BODY
    assert not raw.asked


async def test_a_proxy_that_refuses_is_unavailable_without_its_password(monkeypatch):
    async with raw_server(answer(b"", status="407 Who")) as (proxy, _):
        monkeypatch.setenv("https_proxy", proxy.replace("://", "://me:hush@"))
        with pytest.raises(SourceUnavailable, match="the proxy answers 407") as caught:
            await fetched("https://bundles.example/b")
    assert "hush" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("proxy", ["socks5://hush:1080", "http://hush:port", "http://"])
async def test_a_proxy_that_cannot_be_used_is_unavailable_and_not_repeated(monkeypatch, proxy):
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(SourceUnavailable, match="proxy of the environment") as caught:
        await fetched("http://bundles.example/b")
    assert "hush" not in str(caught.value)


async def test_passwords_of_a_netrc_are_not_sent(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("default login me password hush\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    async with raw_server(answer(BODY)) as (url, raw):
        await fetched(url)
    assert "Authorization" not in raw.asked[0]


async def test_cookies_are_not_kept():
    server = BundleServer()
    server.put(BODY)
    server.headers = {"Set-Cookie": "a=b; Path=/"}
    async with serving(server) as url, source_of(url) as source:
        await source.fetch(None, 0)
        await source.fetch(None, 0)
    assert "Cookie" not in server.asked[1]


async def test_a_source_may_be_closed_and_used_again():
    async with raw_server(answer(BODY)) as (url, _), source_of(url) as source:
        await source.close()
        await source.fetch(None, 0)
        await source.close()
        assert await source.fetch(None, 0)
