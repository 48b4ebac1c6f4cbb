"""Credentials of the kill switch's queue: from a source that fails, hangs and rotates, without holding anybody up."""

import asyncio
import re
import subprocess
import sys
import time

import pytest

from sidecar.adapters.killswitch_sqs.credentials import FOREVER, Chain, Credentials
from sidecar.core.errors import FeedError
from tests.fakes.audit import until
from tests.tools.credentials_server import credentials_server
from tests.tools.raw_server import answer, raw_server
from tests.tools.s3 import environment
from tests.tools.sqs import QUEUE, feed_of
from tests.tools.threads import no_more_threads

PATIENCE = 30.0
JSON = ("Content-Type: application/x-amz-json-1.0", "Connection: close")


@pytest.fixture
def source():
    with credentials_server() as found:
        found.until = time.time() + 3600
        yield found


@pytest.fixture
def container(source, monkeypatch, tmp_path):
    """The environment of a container whose credentials come from the source. Returns the file of its token."""
    for name, value in environment("http://127.0.0.1:9").items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    token = tmp_path / "token"
    token.write_text("first-token")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", source.url)
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(token))
    return token


class Now:
    """The machine's clock, which the test can put forward."""

    def __init__(self):
        self.ahead = 0.0

    def __call__(self):
        return time.time() + self.ahead


@pytest.fixture
def now():
    return Now()


@pytest.fixture
def credentials(container, now):
    return Credentials(Chain().load, now)


async def test_keys_come_from_the_chain(credentials):
    keys = await credentials.get()
    assert (keys.access_key, keys.token) == ("AKIAFIRST", "session")


async def test_a_source_that_hangs_does_not_stop_the_loop(credentials, source):
    source.hang()
    asking = asyncio.ensure_future(credentials.get())
    await until(lambda: source.tokens)  # were the loop blocked, nobody would release the source
    assert not asking.done()
    source.release()
    assert (await asking).access_key == "AKIAFIRST"


async def test_all_who_ask_meanwhile_wait_for_the_same_answer(credentials, source):
    source.hang()
    asking = [asyncio.ensure_future(credentials.get()) for _ in range(5)]
    await until(lambda: source.tokens)
    source.release()
    assert {(await one).access_key for one in asking} == {"AKIAFIRST"}
    assert len(source.tokens) == 1


async def test_who_stops_waiting_does_not_keep_others_from_getting_them(credentials, source):
    source.hang()
    asking = asyncio.ensure_future(credentials.get())
    await until(lambda: source.tokens)
    asking.cancel()
    other = asyncio.ensure_future(credentials.get())
    source.release()
    assert (await other).access_key == "AKIAFIRST"
    assert len(source.tokens) == 1


async def test_what_is_held_is_used_to_its_very_end_though_its_source_fails(credentials, source, now):
    """botocore itself raises in the last ten minutes."""
    source.until = time.time() + 300
    await credentials.get()
    source.status = 500
    now.ahead = 200
    asked = len(source.tokens)
    assert (await credentials.get()).access_key == "AKIAFIRST"
    await until(lambda: len(source.tokens) > asked, PATIENCE)
    assert (await credentials.get()).access_key == "AKIAFIRST"
    now.ahead = 301
    with pytest.raises(FeedError) as caught:
        await credentials.get()
    assert caught.value.why == "credentials"
    assert "test-secret" not in str(caught.value)
    source.status, source.key, source.until = 200, "AKIASECOND", time.time() + 7200
    assert (await credentials.get()).access_key == "AKIASECOND"


async def test_near_their_end_new_ones_are_fetched_beside_the_old(credentials, source, now):
    source.until = time.time() + 300
    await credentials.get()
    source.key, source.until = "AKIASECOND", time.time() + 3600
    source.hang()
    now.ahead = 11  # not at once: a source that gives short lives is not asked with every poll
    asked = len(source.tokens)
    assert (await credentials.get()).access_key == "AKIAFIRST"
    await until(lambda: len(source.tokens) > asked)
    assert (await credentials.get()).access_key == "AKIAFIRST"
    source.release()
    await until_key(credentials, "AKIASECOND")


async def until_key(credentials, key):
    for _ in range(1000):
        await asyncio.sleep(0)
        if (await credentials.get()).access_key == key:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{key} never came")


async def test_a_token_file_that_is_rotated_is_read_again(credentials, source, container, now):
    source.until = time.time() + 300
    await credentials.get()
    container.write_text("second-token")
    now.ahead = 11
    await credentials.get()
    await until(lambda: source.tokens[-1] == "second-token", PATIENCE)
    assert source.tokens[0] == "first-token"


async def test_keys_that_aws_does_not_take_any_more_are_fetched_anew(container, source):
    """The daemon believes that they are good for an hour."""

    async def script(writer):
        if "Credential=AKIASECOND/" in raw.asked[-1]:
            writer.write(answer(b"{}", *JSON))
        else:
            writer.write(answer(b'{"__type": "ExpiredToken"}', *JSON, status="403 Forbidden"))

    async with raw_server(script) as (url, raw):
        feed = feed_of(QUEUE, url)
        source.key = "AKIAFIRST"
        with pytest.raises(FeedError) as caught:
            await feed.receive(0)
        assert caught.value.why == "credentials"
        source.key = "AKIASECOND"
        assert list(await feed.receive(0)) == []
        await feed.close()
    assert [re.search("Credential=([A-Z]+)/", head)[1] for head in raw.asked] == ["AKIAFIRST", "AKIASECOND"]


async def test_without_any_credentials_nothing_is_asked_and_with_them_it_is(container, monkeypatch):
    monkeypatch.delenv("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    async with raw_server(answer(b"{}", *JSON)) as (url, raw):
        feed = feed_of(QUEUE, url)
        with pytest.raises(FeedError) as caught:
            await feed.receive(0)
        assert caught.value.why == "credentials"
        assert not raw.asked
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAFIRST")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
        assert list(await feed.receive(0)) == []
        await feed.close()


async def test_without_a_thread_to_ask_by_there_are_none_for_now(credentials):
    with no_more_threads(), pytest.raises(FeedError, match="no AWS credentials"):
        await credentials.get()
    await until_key(credentials, "AKIAFIRST")


@pytest.mark.parametrize("body", [b"<html>hush-page</html>", b"<r/>", b"", b'{"hush": 1}'])
async def test_a_source_that_answers_with_garbage_gives_none(body, container, monkeypatch, tmp_path):
    """As a captive portal does in the place of AWS STS."""
    async with raw_server(answer(body, "Content-Type: text/xml", "Connection: close")) as (url, _):
        monkeypatch.delenv("AWS_CONTAINER_CREDENTIALS_FULL_URI")
        monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(container))
        monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/halts")
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", url)
        with pytest.raises(FeedError, match="no AWS credentials") as caught:
            await Credentials(Chain().load, time.time).get()
    assert caught.value.why == "credentials"
    assert "hush" not in str(caught.value)


async def test_keys_of_the_environment_never_end(container, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAFIRST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
    assert Chain().load().until == FOREVER


def test_a_source_that_hangs_does_not_keep_the_process_from_ending(container, source):
    source.hang()
    code = """
import asyncio, time
from sidecar.adapters.killswitch_sqs.credentials import Chain, Credentials
async def main():
    asking = asyncio.ensure_future(Credentials(Chain().load, time.time).get())
    await asyncio.sleep(0.5)
    asking.cancel()
asyncio.run(main())
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=PATIENCE)
    assert 1 <= len(source.tokens) < 3, "the process outlived the three tries of botocore"
