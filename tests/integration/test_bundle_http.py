"""Bundles over HTTP against real servers: what every kind of answer becomes."""

import asyncio
import gzip
import socket
import threading

import pytest

from sidecar.core.errors import (
    BundleTooLarge,
    BundleTruncated,
    NotABundle,
    SourceRefused,
    SourceTimeout,
    SourceUnavailable,
    UnaskedNotModified,
)
from tests.fakes.audit import until
from tests.fakes.bundle_server import BundleServer, serving
from tests.tools.bundle_http import PATIENT, fetched, source_of
from tests.tools.gzips import MIB, bomb
from tests.tools.raw_server import answer, raw_server, reset

BODY = b'{"payload": "' + b"x" * 500 + b'"}'


async def refusal(script, kind, tag=None, **settings):
    """The text of the error that the bytes, or the script, of a server become."""
    async with raw_server(script) as (url, _):
        with pytest.raises(kind) as caught:
            await fetched(url, tag, **settings)
    assert type(caught.value) is kind
    return str(caught.value)


@pytest.mark.parametrize("told", [{}, {"Content-Encoding": "gzip"}, {"Content-Type": "application/gzip"}])
async def test_gzip_is_taken_off_whether_it_is_announced_or_not(told):
    server = BundleServer()
    server.put(gzip.compress(BODY))
    server.headers = told
    async with serving(server) as url:
        assert (await fetched(url)).content == BODY


async def test_a_long_poll_asks_to_wait_and_ends_with_the_change():
    server = BundleServer()
    server.put(BODY)
    async with serving(server) as url, source_of(url) as source:
        first = await source.fetch(None, 30.0)
        held = asyncio.ensure_future(source.fetch(first.tag, 30.9))
        await until(lambda: server.waiting)
        server.put(b'{"n": 2}')
        assert (await held).content == b'{"n": 2}'
    assert [told.get("Prefer") for told in server.asked] == [None, "wait=30"]


async def test_a_server_that_sends_the_same_bundle_again_changed_nothing():
    async with raw_server(answer(BODY)) as (url, _), source_of(url) as source:
        first = await source.fetch(None, 0)
        assert await source.fetch(first.tag, 0) is None


async def test_an_etag_that_cannot_be_sent_back_is_none():
    async with raw_server(answer(BODY, 'ETag: "caf\xe9"', "Connection: close")) as (url, raw):
        first = await fetched(url)
        assert await fetched(url, first.tag) is None
    assert "If-None-Match" not in raw.asked[1]


async def test_not_modified_counts_only_for_those_who_asked():
    raw = answer(b"", status="304 Not Modified")
    async with raw_server(raw) as (url, _):
        assert await fetched(url, 'digest "etag"') is None
    assert "without being asked" in await refusal(raw, UnaskedNotModified)
    await refusal(raw, UnaskedNotModified, tag="digest ")


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
async def test_redirects_are_not_followed(status):
    async with raw_server(answer(BODY)) as (elsewhere, other):
        told = await refusal(answer(b"", f"Location: {elsewhere}/", status=status), SourceRefused)
    assert "redirects" in told
    assert not other.asked


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 451])
async def test_what_the_server_will_not_give_is_refused(status):
    assert str(status) in await refusal(answer(BODY, status=f"{status} No"), SourceRefused)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 599])
async def test_what_may_be_given_later_is_unavailable(status):
    assert str(status) in await refusal(answer(BODY, status=f"{status} No"), SourceUnavailable)


@pytest.mark.parametrize("status", [201, 204, 206])
async def test_other_successes_are_none(status):
    await refusal(answer(b"" if status == 204 else BODY, status=f"{status} Yes"), NotABundle)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("999999", 3600.0),
        ("-5", None),
        ("soon", None),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0.0),
        ("Fri, 31 Dec 2199 23:59:59 GMT", 3600.0),
        ("", None),
    ],
)
@pytest.mark.parametrize("status", ["429 Slow Down", "503 Down"])
async def test_when_to_come_back_is_told_and_bounded(value, seconds, status):
    async with raw_server(answer(b"", f"Retry-After: {value}", status=status)) as (url, _):
        with pytest.raises(SourceUnavailable) as caught:
            await fetched(url)
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize("kind", ["text/html", "TEXT/HTML; charset=utf-8", "application/xhtml+xml"])
async def test_a_web_page_is_no_bundle_even_if_it_looks_like_one(kind):
    assert "web page" in await refusal(answer(BODY, f"Content-Type: {kind}"), NotABundle)


@pytest.mark.parametrize("body", [b"<html>please log in</html>", b"OK", b"PK\x03\x04zip", b""])
async def test_other_bytes_are_no_bundle(body):
    await refusal(answer(body, "Content-Type: application/json"), NotABundle)


async def test_a_compression_that_was_not_asked_for_is_refused():
    await refusal(answer(BODY, "Content-Encoding: br"), NotABundle)


async def test_a_download_that_ends_early_is_truncated():
    await refusal(answer(BODY[:100], length=len(BODY)), BundleTruncated)


async def test_a_gzip_that_ends_early_is_truncated_though_all_that_was_announced_came():
    await refusal(answer(gzip.compress(BODY)[:-4]), BundleTruncated)


async def test_chunks_that_end_early_are_truncated():
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    await refusal(head + b"64\r\n" + BODY[:100] + b"\r\n", BundleTruncated)
    await refusal(head + b"64\r\n" + BODY[:50], BundleTruncated)


async def test_a_connection_that_is_cut_within_the_body_is_truncated():
    begun = asyncio.Event()

    async def cut(writer):
        writer.write(answer(BODY[:100], length=len(BODY)))
        await begun.wait()
        reset(writer)

    async with raw_server(cut) as (url, _), source_of(url) as source:
        fetching = asyncio.ensure_future(source.fetch(None, 0))
        # The thread of the inflater starts with the first piece.
        await until(lambda: any(thread.name.startswith("asyncio_") for thread in threading.enumerate()))
        begun.set()
        with pytest.raises(BundleTruncated) as caught:
            await fetching
    assert "ConnectionResetError" in str(caught.value.__cause__)


async def test_more_than_was_allowed_is_not_even_begun_with():
    told = await refusal(answer(BODY, length=2001), BundleTooLarge)
    assert "announced" in told


async def test_chunks_without_end_are_cut_off():
    async def endless(writer):
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"400\r\n{" + b" " * 1023 + b"\r\n")
            await writer.drain()

    assert "as sent" in await refusal(endless, BundleTooLarge)


@pytest.mark.parametrize("header", [(), ("Content-Encoding: gzip",)])
async def test_a_bomb_is_cut_off_at_what_a_bundle_may_have(header):
    limits = {"max_download": 2 * MIB, "max_size": 4 * MIB}
    assert "decompressed" in await refusal(answer(bomb(1024), *header), BundleTooLarge, **limits)


async def test_a_server_that_drips_is_given_up_when_the_whole_time_is_over():
    async def drip(writer):
        writer.write(answer(b"", length=len(BODY)))
        for byte in BODY:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.05)

    assert "within 0.5 s" in await refusal(drip, SourceTimeout, timeout=0.5)


async def test_a_server_that_never_answers_is_given_up():
    async def silent(_):
        await asyncio.sleep(PATIENT)

    await refusal(silent, SourceTimeout, timeout=0.2)


async def test_time_to_wait_is_added_to_the_time_of_a_fetch():
    async def slow(writer):
        await asyncio.sleep(0.5)
        writer.write(answer(b"", status="304 Not Modified"))

    async with raw_server(slow) as (url, _):
        assert await fetched(url, 'digest "etag"', 20.0, timeout=0.1) is None


@pytest.mark.parametrize(
    "raw", [b"", b"SSH-2.0-OpenSSH_9.9\r\n", b"HTTP/1.1 200 OK\r\nBad\0Header: x\r\n\r\n"]
)
async def test_what_does_not_speak_http_is_unavailable(raw):
    await refusal(raw, SourceUnavailable)


async def test_a_closed_port_is_unavailable():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(SourceUnavailable, match="Cannot connect") as caught:
            await fetched(f"http://127.0.0.1:{port}/b")
    assert isinstance(caught.value.__cause__, OSError)


async def test_a_host_that_does_not_exist_is_unavailable():
    with pytest.raises(SourceUnavailable):
        await fetched("http://nowhere.invalid/b")
