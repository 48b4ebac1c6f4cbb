"""Bundles from S3: against a real endpoint with its own access control, and against endpoints that misbehave."""

import asyncio
import json
import subprocess
import sys

import pytest

from sidecar.adapters.bundle_s3 import BundleS3
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
from tests.tools.broken_sts import broken_sts
from tests.tools.gzips import MIB, bomb, packed
from tests.tools.raw_server import answer, raw_server
from tests.tools.s3 import (
    ADDRESS,
    BUCKET,
    KEY,
    access_control,
    environment,
    s3_client,
    s3_server,
    user_without_rights,
)

BODY = b'{"payload": "' + b"x" * 500 + b'"}'
ETAG = 'ETag: "abc"'
DENIED = b"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>AccessDenied</Code><Message>Access Denied</Message><RequestId>1</RequestId></Error>"""
SLOW = DENIED.replace(b"AccessDenied", b"SlowDown")


@pytest.fixture(scope="module")
def endpoint():
    with s3_server() as url:
        client = s3_client(url)
        client.create_bucket(Bucket=BUCKET)
        client.put_object(Bucket=BUCKET, Key=KEY, Body=BODY)
        client.close()
        yield url


@pytest.fixture
def aws(monkeypatch):
    """Sets the environment for an endpoint."""

    def use(url, **more):
        for name, value in (environment(url) | more).items():
            monkeypatch.setenv(name, value)

    return use


@pytest.fixture
async def source():
    """Makes sources, and closes them in the end."""
    made = []

    def make(address=ADDRESS, **settings):
        made.append(
            BundleS3(address, **({"max_download": 2000, "max_size": 4000, "timeout": 20.0} | settings))
        )
        return made[-1]

    yield make
    for one in made:
        await one.close()


@pytest.fixture
def refusal(aws, source):
    """The text of the error that the bytes, or the script, of an endpoint become."""

    async def fetch(script, kind, tag=None, **settings):
        async with raw_server(script) as (url, _):
            aws(url)
            with pytest.raises(kind) as caught:
                await source(**settings).fetch(tag, 0)
        assert type(caught.value) is kind
        assert str(caught.value).startswith(f"{ADDRESS}: ")
        return str(caught.value)

    return fetch


@pytest.fixture(scope="module")
def nobody(endpoint):
    """The environment of a user that may do nothing."""
    return user_without_rights(endpoint)


@pytest.fixture
def guarded(endpoint):
    with access_control(endpoint):
        yield endpoint


async def test_who_may_not_read_is_refused_with_the_code_of_aws(guarded, aws, source, nobody):
    aws(guarded, **nobody)
    with pytest.raises(SourceRefused, match=r"403 \(AccessDenied\)"):
        await source().fetch(None, 0)


async def test_who_is_not_known_is_refused_and_may_come_back_with_other_keys(guarded, aws, source, nobody):
    aws(guarded)
    stranger = source()
    with pytest.raises(SourceRefused, match="InvalidAccessKeyId"):
        await stranger.fetch(None, 0)
    aws(guarded, **nobody)
    with pytest.raises(SourceRefused, match="AccessDenied"):
        await stranger.fetch(None, 0)


@pytest.mark.parametrize(
    ("address", "code"), [(f"s3://{BUCKET}/other", "NoSuchKey"), ("s3://no-bucket/key", "NoSuchBucket")]
)
async def test_what_is_not_there_is_refused_with_the_code_of_aws(endpoint, aws, source, address, code):
    aws(endpoint)
    with pytest.raises(SourceRefused, match=rf"404 \({code}\)"):
        await source(address).fetch(None, 0)


async def test_without_credentials_nothing_is_asked_and_with_them_it_is(aws, source, monkeypatch):
    async with raw_server(answer(BODY, ETAG)) as (url, raw):
        aws(url)
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        poor = source()
        with pytest.raises(SourceRefused, match="no AWS credentials"):
            await poor.fetch(None, 0)
        assert not raw.asked
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        assert (await poor.fetch(None, 0)).content == BODY


@pytest.mark.parametrize(
    "settings", [{"AWS_PROFILE": "nobody"}, {"AWS_ENDPOINT_URL": "not a url"}, {"AWS_DEFAULT_REGION": "a b"}]
)
async def test_an_environment_that_cannot_be_used_is_refused(aws, source, settings):
    aws("http://127.0.0.1:9", **settings)
    with pytest.raises(SourceRefused, match="environment cannot be used"):
        await source().fetch(None, 0)


@pytest.mark.parametrize("body", [b"<AssumeRoleWithWebIdentityResponse/>", None])
async def test_a_broken_source_of_credentials_is_waited_for(aws, source, monkeypatch, tmp_path, body):
    """It answers something else, or there is no token to ask it with."""
    aws("http://127.0.0.1:9")
    async with broken_sts(monkeypatch, tmp_path, body):
        with pytest.raises(SourceUnavailable):
            await source().fetch(None, 0.0)


@pytest.mark.parametrize("told", [(), ("Content-Encoding: gzip",)])
async def test_gzip_is_taken_off_whether_it_is_announced_or_not(aws, source, told):
    whole = packed(BODY)
    async with raw_server(answer(whole, ETAG, *told)) as (url, _):
        aws(url)
        # Only what is sent counts here, so nobody below us may have inflated it.
        fetched = await source(max_download=len(whole)).fetch(None, 0)
    assert (fetched.content, fetched.tag) == (BODY, '"abc"')


async def test_the_tag_is_sent_as_the_condition(aws, source):
    async with raw_server(answer(b"", status="304 Not Modified")) as (url, raw):
        aws(url)
        assert await source().fetch('"abc"', 30.0) is None
    assert 'If-None-Match: "abc"' in raw.asked[0]


async def test_not_modified_counts_only_for_those_who_asked(refusal):
    told = await refusal(answer(b"", status="304 Not Modified"), UnaskedNotModified)
    assert "without being asked" in told


async def test_access_denied_as_aws_words_it(refusal):
    raw = answer(DENIED, "Content-Type: application/xml", status="403 Forbidden")
    assert "403 (AccessDenied)" in await refusal(raw, SourceRefused)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("503 Slow Down", SLOW),
        ("500 Internal", DENIED),
        ("429 Many", DENIED),
        ("400 Bad", SLOW),
        ("502 Bad", b""),
    ],
)
async def test_what_may_be_given_later_is_unavailable_after_one_attempt(aws, source, status, body):
    async with raw_server(answer(body, status=status)) as (url, raw):
        aws(url)
        with pytest.raises(SourceUnavailable):
            await source().fetch(None, 0)
    assert len(raw.asked) == 1


async def test_a_refusal_that_is_not_of_aws_is_one_too(refusal):
    assert "403" in await refusal(answer(b"<html>log in", status="403 No"), SourceRefused)


@pytest.mark.parametrize(
    "raw", [b"", b"SSH-2.0-OpenSSH_9.9\r\n\r\n", answer(BODY, ETAG, "Last-Modified: the day before")]
)
async def test_what_does_not_speak_s3_is_unavailable(refusal, raw):
    await refusal(raw, SourceUnavailable)


async def test_a_closed_port_is_unavailable(aws, source):
    aws("http://127.0.0.1:9")
    with pytest.raises(SourceUnavailable, match="Could not connect"):
        await source().fetch(None, 0)


@pytest.mark.parametrize("body", [b"<html>", b"", b"PK\x03\x04", packed(BODY) + b"more"])
async def test_other_bytes_are_no_bundle(refusal, body):
    await refusal(answer(body, ETAG), NotABundle)


@pytest.mark.parametrize("raw", [BODY[:100], packed(BODY)[:-4]])
async def test_an_object_that_ends_early_is_truncated(refusal, raw):
    await refusal(answer(raw, ETAG, length=len(raw) + 1), BundleTruncated)


async def test_a_gzip_that_ends_early_is_truncated(refusal):
    await refusal(answer(packed(BODY)[:-4], ETAG), BundleTruncated)


async def test_more_than_was_allowed_is_not_even_begun_with(refusal):
    assert "announced" in await refusal(answer(BODY, ETAG, length=2001), BundleTooLarge)


async def test_a_bomb_is_cut_off_at_what_a_bundle_may_have(refusal):
    told = await refusal(answer(bomb(1024), ETAG), BundleTooLarge, max_download=2 * MIB, max_size=4 * MIB)
    assert "decompressed" in told


async def test_an_object_that_drips_is_given_up_and_its_thread_ends(aws, source):
    async def drip(writer):
        writer.write(answer(b"", ETAG, length=len(BODY)))
        for byte in BODY:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.05)
        gone.append("all of it was taken")

    gone = []
    async with raw_server(drip) as (url, raw):
        aws(url)
        slow = source(timeout=1.0)
        with pytest.raises(SourceTimeout):
            await slow.fetch(None, 0)
        # There is one thread, so the second request tells that the first one is over.
        with pytest.raises(SourceTimeout):
            await slow.fetch(None, 0)
        await until(lambda: len(raw.asked) == 2)
    assert not gone


async def test_an_endpoint_whose_headers_drip_is_given_up_though_its_thread_is_not_free_yet(refusal):
    async def drip(writer):
        writer.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    assert "within 1 s" in await refusal(drip, SourceTimeout, timeout=1.0)


async def test_an_endpoint_that_never_answers_is_given_up(refusal):
    async def silent(_):
        await asyncio.sleep(60.0)

    await refusal(silent, SourceTimeout, timeout=1.0)


@pytest.mark.parametrize(
    "address",
    [
        "s3://hush:hush@bucket/key",
        "s3://bucket",
        "s3://bucket/",
        "s3:///hush",
        "https://bucket/hush",
        "s3://b/k?hush",
    ],
)
def test_an_address_that_cannot_work_is_refused_and_not_repeated(address):
    with pytest.raises(ValueError, match="s3://bucket/key") as caught:
        BundleS3(address, max_download=1, max_size=1, timeout=1.0)
    assert "hush" not in str(caught.value)


def test_boto3_is_loaded_only_by_a_fetch():
    code = "import sys, json, sidecar.adapters.bundle_s3; print(json.dumps(sorted(sys.modules)))"
    modules = json.loads(subprocess.check_output([sys.executable, "-c", code]))
    assert not {"boto3", "botocore", "urllib3"} & set(modules)
