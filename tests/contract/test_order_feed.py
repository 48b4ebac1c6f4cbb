"""The port OrderFeed: one suite for SQS, as moto has it, and for the fake of other tests."""

import asyncio
import contextlib

import pytest

from sidecar.core.errors import FeedError
from tests.fakes.order_feed import FakeOrderFeed
from tests.tools.s3 import environment, s3_server
from tests.tools.sqs import Queue, feed_of

LONG = 5.0
BODY = 'a "body"\nwith é, \U0001f600 and \\u0041'


class InMemory:
    def __init__(self):
        self.feed = FakeOrderFeed()

    async def send(self, body):
        self.feed.send(body)


class InSqs:
    def __init__(self, endpoint):
        self.queue = Queue(endpoint)
        self.feed = feed_of(self.queue.url, endpoint)

    async def send(self, body):
        await asyncio.to_thread(self.queue.send, body)


@pytest.fixture(scope="module")
def endpoint():
    with s3_server() as url:
        yield url


@pytest.fixture(params=["fake", "sqs"])
async def house(request, monkeypatch):
    if request.param == "fake":
        found = InMemory()
        yield found
    else:
        endpoint = request.getfixturevalue("endpoint")
        for name, value in environment(endpoint).items():
            monkeypatch.setenv(name, value)
        found = InSqs(endpoint)
        yield found
        found.queue.close()
    await found.feed.close()


async def test_an_empty_queue_gives_nothing(house):
    assert list(await house.feed.receive(0)) == []


async def test_what_was_sent_comes_as_it_was(house):
    await house.send(BODY)
    [message] = await house.feed.receive(LONG)
    assert message.body == BODY
    assert message.id
    assert message.number == 1


async def test_what_was_received_comes_again_at_once_until_it_is_deleted(house):
    await house.send(BODY)
    [first] = await house.feed.receive(LONG)
    [second] = await house.feed.receive(0)
    assert (second.id, second.body, second.number) == (first.id, BODY, 2)
    await house.feed.delete([second.handle])
    assert list(await house.feed.receive(0)) == []


async def test_the_handle_of_an_earlier_receive_deletes_too(house):
    await house.send(BODY)
    [first] = await house.feed.receive(LONG)
    await house.feed.receive(0)
    await house.feed.delete([first.handle])
    assert list(await house.feed.receive(0)) == []


async def test_at_most_ten_come_at_a_time_and_in_the_end_all(house):
    sent = {f"body {number}" for number in range(23)}
    for body in sorted(sent):
        await house.send(body)
    seen = set()
    while seen != sent:
        batch = await house.feed.receive(LONG)
        assert 0 < len(batch) <= 10
        seen |= {message.body for message in batch}
        await house.feed.delete([message.handle for message in batch])
    assert list(await house.feed.receive(0)) == []


async def test_a_poll_that_waits_ends_with_the_message(house):
    waiting = asyncio.ensure_future(house.feed.receive(LONG))
    await asyncio.sleep(0.05)
    await house.send(BODY)
    assert [message.body for message in await waiting] == [BODY]


async def test_a_poll_that_is_cancelled_hides_nothing_from_the_next(house):
    waiting = asyncio.ensure_future(house.feed.receive(LONG))
    await asyncio.sleep(0.05)
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting
    await house.send(BODY)
    assert [message.body for message in await house.feed.receive(LONG)] == [BODY]


async def test_what_cannot_be_deleted_is_told_and_the_rest_is_deleted(house):
    await house.send(BODY)
    [message] = await house.feed.receive(LONG)
    with pytest.raises(FeedError) as caught:
        await house.feed.delete(["none", message.handle])
    assert caught.value.why == "undeleted"
    assert "1 of 2" in str(caught.value)
    assert list(await house.feed.receive(0)) == []


async def test_the_name_is_for_people(house):
    assert house.feed.name
    assert "test-secret" not in house.feed.name
