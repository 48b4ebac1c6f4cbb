"""The queue over TLS, and through a proxy: nobody but the host that was asked for is believed."""

import json

import pytest

from sidecar.core.errors import FeedError
from tests.tools.certificates import self_signed
from tests.tools.raw_server import answer, raw_server, reading_server, tunnelling
from tests.tools.s3 import environment
from tests.tools.sqs import QUEUE, feed_of

HOST = "sqs.example"
EMPTY = answer(b"{}", "Content-Type: application/x-amz-json-1.0", "Connection: close")


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    for name, value in environment("http://127.0.0.1:9").items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def certificate(tmp_path):
    return self_signed(tmp_path / "there", HOST)


@pytest.fixture
def server(certificate):
    async def script(reader, writer):
        assert json.loads(await reader.read(65536))["QueueUrl"] == QUEUE
        writer.write(EMPTY)

    return reading_server(script, certificate.server())


def port_of(url):
    return url.rpartition(":")[2]


async def told(feed):
    with pytest.raises(FeedError) as caught:
        await feed.receive(0)
    await feed.close()
    assert caught.value.why == "unreachable"
    return str(caught.value)


async def test_the_proxy_of_the_environment_is_asked_to_connect_and_sees_no_more(
    server, certificate, monkeypatch
):
    async with server as (url, _), tunnelling(url) as (proxy, seen):
        monkeypatch.setenv("HTTPS_PROXY", proxy.replace("//", "//me:secret@"))
        monkeypatch.setenv("NO_PROXY", "")
        feed = feed_of(QUEUE, f"https://{HOST}:443", ca_file=str(certificate.path))
        assert list(await feed.receive(0)) == []
        await feed.close()
    assert seen.asked == [
        f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n"
    ]


@pytest.mark.parametrize(
    "said", ["HTTP/1.1 407 Who are you\r\n\r\n", "HTTP/1.1 403 No\r\n\r\n", "", "x" * 9000]
)
async def test_a_proxy_that_does_not_connect_is_unreachable(said, monkeypatch):
    async with raw_server(said.encode()) as (proxy, _):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        monkeypatch.setenv("NO_PROXY", "")
        assert "the proxy" in await told(feed_of(QUEUE, f"https://{HOST}:443"))


async def test_a_certificate_of_somebody_unknown_is_not_taken(server):
    async with server as (url, seen):
        feed = feed_of(QUEUE, f"https://localhost:{port_of(url)}")
        assert "certificate verify failed" in await told(feed)
        assert not seen.asked


async def test_a_certificate_for_another_host_is_not_taken(server, certificate):
    async with server as (url, seen):
        feed = feed_of(QUEUE, f"https://localhost:{port_of(url)}", ca_file=str(certificate.path))
        assert "Hostname mismatch" in await told(feed)
        assert not seen.asked
