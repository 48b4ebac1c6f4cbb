"""What answers in SQS's place: nothing but SQS's own answers is believed, and each error is called by its name."""

import asyncio
import contextlib
import hashlib
import json
import re
import socket
import struct
import subprocess
import sys
import threading
import time
from email.utils import formatdate

import pytest

from sidecar.adapters.killswitch_sqs import endpoint_of
from sidecar.core.errors import FeedError
from tests.fakes.audit import until
from tests.tools.raw_server import answer, raw_server, reading_server
from tests.tools.s3 import environment
from tests.tools.sqs import QUEUE, feed_of

JSON = "Content-Type: application/x-amz-json-1.0"
CLOSE = "Connection: close"  # as the server of these tests does


def message(body="halt", **more):
    md5 = hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()
    return {"MessageId": "m1", "ReceiptHandle": "h1", "MD5OfBody": md5, "Body": body} | more


def told(value, *headers, status="200 OK"):
    return answer(json.dumps(value).encode(), *(headers or (JSON,)), CLOSE, status=status)


def error(code, text="told so", status="400 Bad Request", *headers):
    return told({"__type": f"com.amazonaws.sqs#{code}", "message": text}, JSON, *headers, status=status)


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    for name, value in environment("http://127.0.0.1:9").items():
        monkeypatch.setenv(name, value)


@contextlib.asynccontextmanager
async def asking(script):
    async with raw_server(script) as (url, raw):
        feed = feed_of(QUEUE, url)
        try:
            yield feed, raw
        finally:
            await feed.close()


async def refusal(script, wait=0):
    async with asking(script) as (feed, _):
        with pytest.raises(FeedError) as caught:
            await feed.receive(wait)
    return caught.value


@contextlib.asynccontextmanager
async def reading(script):
    """`script` gets what follows the head of each request, and where to write; `asked` of the server the heads."""
    async with reading_server(script) as (url, raw):
        feed = feed_of(QUEUE, url)
        try:
            yield feed, raw
        finally:
            await feed.close()


async def test_each_poll_hides_nothing_asks_for_ten_and_says_how_long_it_waits():
    bodies = []

    async def script(reader, writer):
        bodies.append(json.loads(await reader.read(65536)))
        writer.write(told({}))

    async with reading(script) as (feed, raw):
        await feed.receive(3.9)
    assert bodies == [
        {
            "QueueUrl": QUEUE,
            "MaxNumberOfMessages": 10,
            "VisibilityTimeout": 0,
            "WaitTimeSeconds": 3,
            "MessageSystemAttributeNames": ["ApproximateReceiveCount"],
        }
    ]
    assert "X-Amz-Target: AmazonSQS.ReceiveMessage" in raw.asked[0]
    assert "/us-east-1/sqs/aws4_request" in raw.asked[0]


@pytest.mark.parametrize("body", [{}, {"Messages": []}, {"Messages": [], "Later": 1}])
async def test_no_messages_are_no_messages(body):
    async with asking(told(body)) as (feed, _):
        assert list(await feed.receive(0)) == []


async def test_a_message_comes_with_its_count():
    one = message("é", Attributes={"ApproximateReceiveCount": "3"})
    async with asking(told({"Messages": [one]})) as (feed, _):
        [found] = await feed.receive(0)
    assert (found.id, found.body, found.handle, found.number) == ("m1", "é", "h1", 3)


GARBAGE = {
    "a web page": answer(b"<html>Please log in</html>", "Content-Type: text/html"),
    "no content type": answer(b"{}"),
    "another json": told({}, "Content-Type: application/json"),
    "an empty body": answer(b"", JSON),
    "half of the json": answer(b'{"Messages": [', JSON),
    "a list": told([]),
    "a tower": answer(b"[" * 100_000, JSON),
    "null": told(None),
    "keys of another service": told({"ok": True}),
    "messages that are text": told({"Messages": "x"}),
    "messages that are null": told({"Messages": None}),
    "messages that are numbers": told({"Messages": [1]}),
    "a message without a body": told({"Messages": [{"MessageId": "m1", "ReceiptHandle": "h1"}]}),
    "a body of a wrong type": told({"Messages": [message() | {"Body": 5}]}),
    "a body of another md5": told({"Messages": [message() | {"Body": "other"}]}),
    "one message of two damaged": told({"Messages": [message(), message() | {"MD5OfBody": "00"}]}),
    "no md5": told({"Messages": [{"MessageId": "m1", "ReceiptHandle": "h1", "Body": "x"}]}),
    "an empty handle": told({"Messages": [message(ReceiptHandle="")]}),
    "eleven messages": told({"Messages": [message()] * 11}),
    "not http": b"SSH-2.0-OpenSSH_9.2\r\n",
    "a redirect": answer(b"", "Location: https://login.example/", status="302 Found"),
    "no content": answer(b"", status="204 No Content"),
}


@pytest.mark.parametrize("kind", GARBAGE)
async def test_a_200_that_is_not_of_sqs_is_an_error(kind):
    assert (await refusal(GARBAGE[kind])).why == "garbage"


async def test_an_answer_that_is_too_long_is_cut_off_and_the_next_poll_asks_for_one_message():
    asked = []

    async def script(reader, writer):
        asked.append(json.loads(await reader.read(65536))["MaxNumberOfMessages"])
        if len(asked) > 1:
            writer.write(told({}))
            return
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n" + JSON.encode() + b"\r\n\r\n")
        for _ in range(300):
            writer.write(b" " * 65536)
            await writer.drain()

    async with reading(script) as (feed, _):
        with pytest.raises(FeedError, match="more than 16777216 bytes"):
            await feed.receive(0)
        assert list(await feed.receive(0)) == []
        await feed.receive(0)
    assert asked == [10, 1, 10]


ERRORS = {
    "QueueDoesNotExist": ("no_queue", error("QueueDoesNotExist")),
    "in a header": (
        "no_queue",
        answer(
            b"",
            "x-amzn-query-error: AWS.SimpleQueueService.NonExistentQueue;Sender",
            status="400 Bad Request",
        ),
    ),
    "AccessDenied": ("denied", error("AccessDeniedException", status="403 Forbidden")),
    "KmsDisabled": ("denied", error("KmsDisabled")),
    "ExpiredToken": ("credentials", error("ExpiredTokenException", status="403 Forbidden")),
    "InvalidClientTokenId": ("credentials", error("InvalidClientTokenId", status="403 Forbidden")),
    "SignatureDoesNotMatch": ("credentials", error("SignatureDoesNotMatch", status="403 Forbidden")),
    "Signature expired": ("clock", error("InvalidSignatureException", "Signature expired: 2020")),
    "ThrottlingException": ("throttled", error("ThrottlingException")),
    "429": ("throttled", answer(b"slow down", status="429 Too Many Requests")),
    "403 of a proxy": ("denied", answer(b"<html>", "Content-Type: text/html", status="403 Forbidden")),
    "500": ("failing", error("InternalFailure", status="500 Internal Server Error")),
    "503 of a balancer": ("failing", answer(b"", status="503 Service Unavailable")),
    "another": ("refused", error("InvalidParameterValue")),
    "a tower": ("refused", answer(b"[" * 100_000, JSON, status="400 Bad Request")),
    "an upgrade": ("garbage", answer(b"", "Upgrade: x", "Connection: Upgrade", status="101 Switching")),
}


@pytest.mark.parametrize("kind", ERRORS)
async def test_each_refusal_has_its_word(kind):
    why, script = ERRORS[kind]
    caught = await refusal(script)
    assert caught.why == why


async def test_there_is_one_try_for_each_call():
    async with asking(error("ThrottlingException")) as (feed, raw):
        with pytest.raises(FeedError):
            await feed.receive(0)
        assert len(raw.asked) == 1


async def test_an_answer_that_nobody_asked_for_is_not_taken_for_the_next():
    """Nor is its connection used again."""
    bodies = [json.dumps({"Messages": [message(body)]}).encode() for body in ("first", "smuggled")]
    async with asking(b"".join(answer(body, JSON) for body in bodies)) as (feed, raw):
        assert [one.body for one in await feed.receive(0)] == ["first"]
        assert [one.body for one in await feed.receive(0)] == ["first"]
        assert len(raw.asked) == 2


async def test_a_connection_that_ends_before_the_answer_is_unreachable():
    assert (await refusal(b"")).why == "unreachable"
    assert (await refusal(answer(b"{", JSON, length=100))).why == "unreachable"


async def test_nobody_there_is_unreachable():
    with socket.socket() as bound:  # it does not listen
        bound.bind(("127.0.0.1", 0))
        feed = feed_of(QUEUE, f"http://127.0.0.1:{bound.getsockname()[1]}")
        with pytest.raises(FeedError) as caught:
            await feed.receive(5)
    assert caught.value.why == "unreachable"


async def test_a_poll_that_is_cancelled_lets_its_connection_go():
    ended = asyncio.Event()

    async def script(reader, writer):
        with contextlib.suppress(ConnectionError):
            while await reader.read(65536):
                pass
        ended.set()

    async with reading(script) as (feed, raw):
        polling = asyncio.ensure_future(feed.receive(20))
        await until(lambda: raw.asked)
        polling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await polling
        await asyncio.wait_for(ended.wait(), 10)


@pytest.mark.parametrize("hours", [-7, 7])
async def test_a_clock_that_is_wrong_is_made_up_for_by_the_date_of_the_answer(hours):
    """The server takes only what is signed for its own time, as AWS does."""

    async def script(writer):
        now = time.time() + hours * 3600
        signed = re.search(r"X-Amz-Date: (\d{8}T\d{4})", raw.asked[-1])[1]
        if signed in {time.strftime("%Y%m%dT%H%M", time.gmtime(now + more)) for more in (-60, 0, 60)}:
            writer.write(told({"Messages": [message()]}))
        else:
            date = f"Date: {formatdate(now, usegmt=True)}"
            writer.write(error("SignatureDoesNotMatch", "no", "403 Forbidden", date))

    async with asking(script) as (feed, raw):
        with pytest.raises(FeedError) as caught:
            await feed.receive(0)
        assert caught.value.why == "clock"
        assert [one.body for one in await feed.receive(0)] == ["halt"]


@pytest.mark.parametrize("year", [1, 1969, 2200, 9999])
async def test_a_date_that_no_clock_has_is_not_believed(year):
    """Nothing can be signed for it, today or a moment later."""
    date = f"Date: Fri, 31 Dec {year:04} 23:59:59 GMT"
    async with asking(error("SignatureDoesNotMatch", "no", "403 Forbidden", date)) as (feed, raw):
        for _ in range(2):
            with pytest.raises(FeedError) as caught:
                await feed.receive(0)
            assert caught.value.why == "credentials"
        assert len(raw.asked) == 2


async def test_a_connection_that_ends_as_soon_as_it_is_made_is_unreachable():
    def slam(listening):
        while True:
            try:
                made, _ = listening.accept()
            except OSError:
                return
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            made.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=slam, args=(listening,), daemon=True).start()
        feed = feed_of(QUEUE, f"http://127.0.0.1:{listening.getsockname()[1]}")
        for _ in range(200):
            with pytest.raises(FeedError) as caught:
                await feed.receive(0)
            assert caught.value.why == "unreachable"
        listening.shutdown(socket.SHUT_RDWR)


async def test_what_was_not_deleted_is_told_with_its_code():
    failed = {"Id": "1", "SenderFault": True, "Code": "ReceiptHandleIsInvalid"}
    async with asking(told({"Successful": [{"Id": "0"}], "Failed": [failed]})) as (feed, _):
        with pytest.raises(
            FeedError, match="1 of 2 messages were not deleted: ReceiptHandleIsInvalid"
        ) as caught:
            await feed.delete(["a", "b"])
    assert caught.value.why == "undeleted"


@pytest.mark.parametrize("body", [{}, {"Successful": []}, {"Successful": [{"Id": "0"}]}, {"Successful": "x"}])
async def test_a_delete_is_done_only_if_all_are_said_to_be(body):
    async with asking(told(body)) as (feed, _):
        with pytest.raises(FeedError):
            await feed.delete(["a", "b"])


async def test_no_error_tells_the_keys(monkeypatch):
    monkeypatch.setenv("AWS_SESSION_TOKEN", "hush-token")
    caught = await refusal(error("InvalidClientTokenId", "no such key", "403 Forbidden"))
    assert "test-secret" not in str(caught)
    assert "hush-token" not in str(caught)


def test_the_environment_names_the_endpoint_and_the_queue_url_is_dialled_only_without_one():
    def host(environ, **more):
        return endpoint_of(QUEUE, environ, **more).url

    assert host({}) == "https://sqs.us-east-1.amazonaws.com/"
    assert host({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}) == "http://127.0.0.1:1/"
    both = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:2/a"}
    assert host(both) == "http://127.0.0.1:2/a/"
    assert host(both, endpoint_url="https://[::1]:3") == "https://[::1]:3/"


def test_requests_are_signed_for_the_region_of_the_queue():
    topic = "arn:aws:sns:eu-west-3:123456789012:halts"
    other = "https://queues.example/123456789012/host"
    environ = {"AWS_REGION": "ap-south-1"}
    assert endpoint_of(QUEUE, environ, region="eu-north-1", topic_arn=topic).region == "eu-north-1"
    assert endpoint_of(QUEUE, environ, topic_arn=topic).region == "us-east-1"
    assert endpoint_of("https://cn-north-1.queue.amazonaws.com.cn/1/h", environ).region == "cn-north-1"
    assert endpoint_of(other, environ, topic_arn=topic).region == "eu-west-3"
    assert endpoint_of(other, environ).region == "ap-south-1"
    with pytest.raises(ValueError, match=r"killswitch\.region"):
        endpoint_of(other, {})


@pytest.mark.parametrize(
    "url",
    [
        "http://sqs.example/1/h",
        "ftp://sqs.example/1/h",
        "https://",
        "https://user:hush@sqs.example/1/h",
        "https://sqs.example/1/h?hush=1",
        "https://sqs.example/1/h\r\nHost: x",
        "https://sqs.example:99999/",
        "https://sqs..example/1/h",
        f"https://{'x' * 64}.example/1/h",
    ],
)
def test_an_address_that_cannot_work_is_refused_and_not_repeated(url):
    with pytest.raises(ValueError, match=r"SQS|queue_url") as caught:
        endpoint_of(url, {"AWS_REGION": "us-east-1"})
    assert "hush" not in str(caught.value)


def test_botocore_is_loaded_only_where_a_queue_is_configured():
    code = "import sys, json, sidecar.daemon.run; print(json.dumps(sorted(sys.modules)))"
    modules = json.loads(subprocess.check_output([sys.executable, "-c", code]))
    assert not {"boto3", "botocore", "urllib3", "aiohttp"} & set(modules)


def test_the_listener_needs_neither_boto3_nor_aiohttp():
    code = "import sys, json, sidecar.adapters.killswitch_sqs; print(json.dumps(sorted(sys.modules)))"
    modules = json.loads(subprocess.check_output([sys.executable, "-c", code]))
    assert not {"boto3", "aiohttp"} & set(modules)
