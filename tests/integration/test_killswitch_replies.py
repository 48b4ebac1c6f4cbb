"""The reply topic: against a real SNS endpoint, and against endpoints that misbehave."""

import asyncio
import subprocess
import sys

import pytest

from sidecar.adapters.killswitch_replies import KillSwitchReplies
from sidecar.core.owed import Fate, Kind, Owed
from tests.tools.broken_sts import broken_sts
from tests.tools.raw_server import answer, raw_server
from tests.tools.s3 import access_control, environment, user_without_rights
from tests.tools.topics import topic

ARN = "arn:aws:sns:us-east-1:123456789012:replies"
ERROR = (
    b"<ErrorResponse><Error><Type>Sender</Type><Code>CODE</Code><Message>no</Message></Error></ErrorResponse>"
)


def item(number=1):
    return Owed(Kind.REPLY, "replies", f"asc_{number}", 1.0, "", {"command_id": f"c-{number}", "é": 1.5})


async def _silent(_):
    await asyncio.Event().wait()


@pytest.fixture(scope="module")
def replies():
    with topic() as one:
        yield one


@pytest.fixture
def aws(monkeypatch):
    """Sets the environment for an endpoint."""

    def use(url, **more):
        for name, value in (environment(url) | more).items():
            monkeypatch.setenv(name, value)

    return use


async def told(arn, *items, within=20.0):
    one = KillSwitchReplies(arn, timeout=within)
    try:
        return [await one.tell(each, within) for each in items]
    finally:
        one.close()


async def test_what_is_told_is_published_in_order(aws, replies):
    aws(replies.endpoint)
    came = await told(replies.arn, *(item(number) for number in range(3)))
    assert [one.fate for one in came] == [Fate.DELIVERED] * 3
    assert replies.heard == [{"command_id": f"c-{number}", "é": 1.5} for number in range(3)]


async def test_without_rights_or_topic_it_waits_and_says_why(aws, replies):
    aws(replies.endpoint, **user_without_rights(replies.endpoint))
    with access_control(replies.endpoint):
        (came,) = await told(replies.arn, item())
    assert came.fate is Fate.NOT_NOW
    assert "Denied" in came.why or "Authorization" in came.why
    aws(replies.endpoint)
    (came,) = await told(replies.arn.replace("replies", "nowhere"), item())
    assert (came.fate, came.why) == (Fate.NOT_NOW, "SNS answers NotFound")


@pytest.mark.parametrize(
    ("status", "code", "fate"),
    [
        ("400 Bad Request", "InvalidParameter", Fate.REFUSED),
        ("400 Bad Request", "Throttling", Fate.NOT_NOW),
        ("403 Forbidden", "ExpiredToken", Fate.NOT_NOW),
        ("500 Internal Server Error", "InternalError", Fate.NOT_NOW),
        ("503 Service Unavailable", "ServiceUnavailable", Fate.NOT_NOW),
    ],
)
async def test_only_a_message_that_sns_will_not_have_is_given_up(aws, status, code, fate):
    body = ERROR.replace(b"CODE", code.encode())
    async with raw_server(answer(body, "Content-Type: text/xml", status=status)) as (url, _):
        aws(url)
        (came,) = await told(ARN, item())
    assert (came.fate, came.why) == (fate, f"SNS answers {code}")


async def test_garbage_is_no_delivery(aws):
    async with raw_server(answer(b"<html>hello</html", "Content-Type: text/html")) as (url, _):
        aws(url)
        (came,) = await told(ARN, item())
    assert came.fate is Fate.NOT_NOW


async def test_a_200_that_names_no_message_is_no_delivery(aws):
    body = b"<PublishResponse><PublishResult></PublishResult></PublishResponse>"
    async with raw_server(answer(body, "Content-Type: text/xml")) as (url, _):
        aws(url)
        (came,) = await told(ARN, item())
    assert (came.fate, came.why) == (Fate.NOT_NOW, "SNS answers without a message id")


async def test_an_endpoint_that_is_gone_or_hangs_is_given_up_and_tried_again(aws):
    aws("http://127.0.0.1:9")
    (came,) = await told(ARN, item())
    assert came.fate is Fate.NOT_NOW
    async with raw_server(_silent) as (url, _):
        aws(url)
        (came,) = await told(ARN, item(), within=0.2)
    assert came.fate is Fate.NOT_NOW


async def test_without_credentials_it_waits(aws, monkeypatch):
    aws("http://127.0.0.1:9")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    (came,) = await told(ARN, item())
    assert (came.fate, came.why) == (Fate.NOT_NOW, "NoCredentialsError")


@pytest.mark.parametrize("body", [b"<AssumeRoleWithWebIdentityResponse/>", b"<html>", None])
async def test_with_a_source_of_credentials_that_is_broken_it_waits(aws, monkeypatch, tmp_path, body):
    """Its answer is another one, or is none, or there is no token to ask it with."""
    aws("http://127.0.0.1:9")
    async with broken_sts(monkeypatch, tmp_path, body):
        (came,) = await told(ARN, item())
    assert came.fate is Fate.NOT_NOW


@pytest.mark.parametrize("arn", ["", "replies", "arn:aws:sqs:us-east-1:123456789012:replies", f"{ARN}/x"])
def test_what_is_no_topic_is_refused_at_the_start(arn):
    with pytest.raises(ValueError, match="arn:aws:sns"):
        KillSwitchReplies(arn, timeout=1.0)


def test_nobody_pays_for_boto3_who_has_no_topic():
    code = "import sys, sidecar.adapters.killswitch_replies; print('boto3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == b"False\n"
