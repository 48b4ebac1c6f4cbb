"""The port BundleSource: one suite for every place that bundles come from, and for the fake of other tests."""

import asyncio
import contextlib

import pytest

from sidecar.adapters.bundle_files import BundleDir, BundleFile
from sidecar.adapters.bundle_http import BundleHttp
from sidecar.adapters.bundle_s3 import BundleS3
from sidecar.core.errors import BundleError, SourceRefused
from tests.fakes.audit import until
from tests.fakes.bundle_server import BundleServer, serving
from tests.fakes.bundle_source import FakeBundleSource
from tests.tools.s3 import ADDRESS, BUCKET, KEY, environment, s3_client, s3_server

LIMITS = {"max_download": 1000, "max_size": 2000}
ONE, TWO = b'{"n": 1}', b'{"n": 2}'
LONG = 30.0


class InMemory:
    waits = True

    def __init__(self):
        self.source = FakeBundleSource()

    async def put(self, body):
        self.source.put(body)

    def content(self, body):
        return body

    async def is_waiting(self):
        await until(lambda: self.source.waiting)


class InFile:
    waits = True

    def __init__(self, folder):
        self.path = folder / "bundle.dsse"
        self.source = BundleFile(self.path, **LIMITS)

    async def put(self, body):
        if body is None:
            self.path.unlink(missing_ok=True)
        else:
            self.path.write_bytes(body)

    def content(self, body):
        return body

    async def is_waiting(self):
        await asyncio.sleep(0)


class InFolder(InFile):
    def __init__(self, folder):
        self.path = folder / "policies" / "policy.yaml"
        self.source = BundleDir(folder / "policies")

    async def put(self, body):
        if body is None:
            self.path.unlink(missing_ok=True)
            with contextlib.suppress(FileNotFoundError):
                self.path.parent.rmdir()
        else:
            self.path.parent.mkdir(exist_ok=True)
            self.path.write_bytes(body)

    def content(self, body):
        return {"policy.yaml": body}


class OnServer:
    waits = True

    def __init__(self, server, url):
        self.server = server
        self.source = BundleHttp(url + "?secret=hush", timeout=10.0, **LIMITS)

    async def put(self, body):
        self.server.put(body)

    def content(self, body):
        return body

    async def is_waiting(self):
        await until(lambda: self.server.waiting)


class InBucket:
    waits = False

    def __init__(self, endpoint):
        self.client = s3_client(endpoint)
        self.client.create_bucket(Bucket=BUCKET)
        self.source = BundleS3(ADDRESS, timeout=10.0, **LIMITS)

    async def put(self, body):
        if body is None:
            await asyncio.to_thread(self.client.delete_object, Bucket=BUCKET, Key=KEY)
        else:
            await asyncio.to_thread(self.client.put_object, Bucket=BUCKET, Key=KEY, Body=body)

    def content(self, body):
        return body


@pytest.fixture(scope="module")
def endpoint():
    with s3_server() as url:
        yield url


@pytest.fixture(params=["fake", "file", "folder", "http", "http without etags", "s3"])
async def house(request, tmp_path, monkeypatch):
    if request.param == "fake":
        yield InMemory()
    elif request.param == "file":
        yield InFile(tmp_path)
    elif request.param == "folder":
        yield InFolder(tmp_path)
    elif request.param == "s3":
        endpoint = request.getfixturevalue("endpoint")
        for name, value in environment(endpoint).items():
            monkeypatch.setenv(name, value)
        found = InBucket(endpoint)
        await found.put(None)
        yield found
        found.client.close()
        await found.source.close()
    else:
        server = BundleServer()
        server.etags = request.param == "http"
        async with serving(server) as url:
            found = OnServer(server, url)
            found.waits = server.etags
            yield found
            await found.source.close()


async def test_what_is_there_comes_with_a_tag(house):
    await house.put(ONE)
    fetched = await house.source.fetch(None, 0)
    assert fetched.content == house.content(ONE)
    assert fetched.tag


async def test_what_did_not_change_is_none(house):
    await house.put(ONE)
    fetched = await house.source.fetch(None, 0)
    assert await house.source.fetch(fetched.tag, 0) is None
    assert await house.source.fetch(fetched.tag, 0) is None


async def test_a_change_comes_with_another_tag(house):
    await house.put(ONE)
    first = await house.source.fetch(None, 0)
    await house.put(TWO)
    second = await house.source.fetch(first.tag, 0)
    assert second.content == house.content(TWO)
    assert second.tag != first.tag
    assert await house.source.fetch(second.tag, 0) is None


async def test_a_change_back_is_a_change(house):
    await house.put(ONE)
    first = await house.source.fetch(None, 0)
    await house.put(TWO)
    second = await house.source.fetch(first.tag, 0)
    await house.put(ONE)
    third = await house.source.fetch(second.tag, 0)
    assert third.content == house.content(ONE)


async def test_without_a_tag_there_is_nothing_to_wait_for(house):
    await house.put(ONE)
    assert (await house.source.fetch(None, LONG)).content == house.content(ONE)


async def test_what_is_missing_is_refused_with_the_name_of_the_source(house):
    with pytest.raises(SourceRefused) as caught:
        await house.source.fetch(None, 0)
    assert house.source.name in str(caught.value)


async def test_what_went_away_is_refused_though_its_tag_is_known(house):
    await house.put(ONE)
    fetched = await house.source.fetch(None, 0)
    await house.put(None)
    with pytest.raises(SourceRefused):
        await house.source.fetch(fetched.tag, 0)


async def test_a_source_that_was_empty_gives_what_comes_later(house):
    with pytest.raises(BundleError):
        await house.source.fetch(None, 0)
    await house.put(ONE)
    assert (await house.source.fetch(None, 0)).content == house.content(ONE)


async def test_a_fetch_that_waits_ends_with_the_change(house):
    await house.put(ONE)
    first = await house.source.fetch(None, 0)
    if not house.waits:
        assert await house.source.fetch(first.tag, LONG) is None
        return
    held = asyncio.ensure_future(house.source.fetch(first.tag, LONG))
    await house.is_waiting()
    await house.put(TWO)
    assert (await held).content == house.content(TWO)


async def test_a_fetch_that_waits_in_vain_gives_none(house):
    await house.put(ONE)
    fetched = await house.source.fetch(None, 0)
    assert await house.source.fetch(fetched.tag, 1.0) is None


async def test_a_fetch_that_is_cancelled_harms_no_later_one(house):
    await house.put(ONE)
    first = await house.source.fetch(None, 0)
    held = asyncio.ensure_future(house.source.fetch(first.tag, LONG))
    await asyncio.sleep(0)
    held.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await held
    await house.put(TWO)
    assert (await house.source.fetch(first.tag, 0)).content == house.content(TWO)


async def test_the_name_is_for_people(house):
    assert house.source.name
    assert "hush" not in house.source.name
