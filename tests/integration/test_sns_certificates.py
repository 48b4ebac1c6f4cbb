"""Certificates of SNS: fetched once, kept whole, and never waited for twice."""

import asyncio
import contextlib
import json
import ssl
import stat
from pathlib import Path

import boto3
import pytest

from sidecar.adapters.sns_certificates import SnsCertificates
from sidecar.core.killswitch import Command, Kind, Proof, Scope
from sidecar.core.killswitch.wire import Pinned
from sidecar.service.killswitch.reading import Reader
from sidecar.service.ports import Message
from tests.fakes.audit import until
from tests.tools.certificates import self_signed
from tests.tools.raw_server import answer, raw_server, tunnelling
from tests.tools.s3 import s3_server
from tests.tools.signing import trust
from tests.tools.sns import NAME, PINNED, URL, certified, pem, rsa_key
from tests.tools.sns_server import certificates_of
from tests.tools.threads import no_more_threads

PATIENT = 20.0


def held(release: asyncio.Event, raw: bytes):
    """A script that answers once it is told to."""

    async def script(writer):
        await release.wait()
        writer.write(raw)

    return script


async def test_a_certificate_is_fetched_once_and_kept_for_the_next_run(tmp_path):
    async with raw_server(answer(pem())) as (url, server):
        certificates = SnsCertificates(tmp_path, timeout=PATIENT)
        assert await certificates.get(f"{url}/{NAME}") == pem()
        assert await certificates.get(f"{url}/{NAME}") == pem()
        assert await SnsCertificates(tmp_path).get(f"{url}/{NAME}") == pem()
        assert len(server.asked) == 1
        assert server.asked[0].startswith(f"GET /{NAME} HTTP/1.1\r\n")
    folder = tmp_path / "certificates"
    (kept,) = folder.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (stat.S_IMODE(kept.stat().st_mode), kept.name) == (0o600, NAME)


async def test_without_a_thread_to_fetch_by_it_is_fetched_by_the_next_who_asks(tmp_path):
    async with raw_server(answer(pem())) as (url, _):
        certificates = SnsCertificates(tmp_path, timeout=PATIENT)
        with no_more_threads():
            assert await certificates.get(f"{url}/{NAME}") is None
        assert await certificates.get(f"{url}/{NAME}") == pem()


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "other"])
async def test_a_kept_certificate_that_is_not_what_was_kept_is_fetched_again(tmp_path, damage):
    async with raw_server(answer(pem())) as (url, server):
        await SnsCertificates(tmp_path, timeout=PATIENT).get(f"{url}/{NAME}")
        path = tmp_path / "certificates" / NAME
        raw = path.read_bytes()
        at = len(raw) // 2
        damaged = {
            "flip": raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :],
            "cut": raw[:at],
            "empty": b"",
            "other": raw.partition(b"\n")[0] + b"\n" + pem(1),
        }
        path.write_bytes(damaged[damage])
        assert await SnsCertificates(tmp_path, timeout=PATIENT).get(f"{url}/{NAME}") == pem()
        assert (len(server.asked), path.read_bytes()) == (2, raw)


async def test_who_asks_meanwhile_waits_for_the_same_fetch_and_who_goes_away_does_not_end_it(tmp_path):
    release = asyncio.Event()
    async with raw_server(held(release, answer(pem()))) as (url, server):
        certificates = SnsCertificates(tmp_path, timeout=PATIENT)
        first, *others = (asyncio.ensure_future(certificates.get(f"{url}/{NAME}")) for _ in range(20))
        await until(lambda: server.asked)
        first.cancel()
        release.set()
        assert await asyncio.gather(*others) == [pem()] * 19
        assert len(server.asked) == 1
        with pytest.raises(asyncio.CancelledError):
            await first


@pytest.mark.parametrize(
    "reply",
    [
        answer(pem(), status="500 No"),
        answer(pem(), status="302 Found"),
        answer(b"x"),
        answer(certified(rsa_key(0, 1024))),
        answer(pem() + b" " * 70_000),
        answer(pem()[:-10], length=len(pem())),
        b"garbage\r\n\r\n",
        b"",
    ],
    ids=["500", "redirect", "text", "small key", "large", "cut", "garbage", "nothing"],
)
async def test_a_failure_is_none_and_the_host_is_left_alone_for_a_while(tmp_path, reply):
    async with raw_server(reply) as (url, server):
        certificates = SnsCertificates(tmp_path, timeout=PATIENT, rest=PATIENT)
        assert await certificates.get(f"{url}/{NAME}") is None
        assert await certificates.get(f"{url}/{NAME}") is None
        assert await certificates.get(f"{url}/{NAME.replace('0a', '0b')}") is None
        assert len(server.asked) == 1
    assert not (tmp_path / "certificates").exists()


async def test_after_the_while_the_host_is_asked_again(tmp_path):
    replies = [answer(b"x"), answer(pem())]

    async def script(writer):
        writer.write(replies.pop(0))

    async with raw_server(script) as (url, _):
        certificates = SnsCertificates(tmp_path, timeout=PATIENT, rest=0.0)
        assert await certificates.get(f"{url}/{NAME}") is None
        assert await certificates.get(f"{url}/{NAME}") == pem()


@pytest.mark.parametrize("status", ["404 Not Found", "410 Gone"])
async def test_a_name_that_the_host_does_not_have_is_empty_and_does_not_keep_others_waiting(tmp_path, status):
    async def script(writer):
        writer.write(answer(pem()) if NAME in server.asked[-1] else answer(b"", status=status))

    async with raw_server(script) as (url, server):
        certificates = SnsCertificates(tmp_path, timeout=PATIENT, rest=PATIENT)
        for _ in range(2):
            assert await certificates.get(f"{url}/{NAME.replace('0a', '0b')}") == b""
        assert await certificates.get(f"{url}/{NAME}") == pem()
        assert len(server.asked) == 2


async def test_one_that_is_withheld_cannot_be_had_and_does_not_keep_others_waiting(tmp_path):
    """A gateway that looks into TLS says 403: what it hides may be the proof of a halt."""

    async def script(writer):
        writer.write(answer(pem()) if NAME in server.asked[-1] else answer(b"", status="403 Forbidden"))

    async with raw_server(script) as (url, server):
        certificates = SnsCertificates(tmp_path, timeout=PATIENT, rest=PATIENT)
        assert await certificates.get(f"{url}/{NAME.replace('0a', '0b')}") is None
        assert await certificates.get(f"{url}/{NAME}") == pem()


async def test_a_server_that_drips_is_hung_up_on(tmp_path):
    """Each byte comes in time, all of them never."""

    async def script(writer):
        writer.write(answer(b"", length=60_000))
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with raw_server(script) as (url, _):
        assert await SnsCertificates(tmp_path, timeout=0.3).get(f"{url}/{NAME}") is None


async def test_a_port_where_nobody_listens_is_none(tmp_path):
    async with raw_server(b"") as (url, _):
        pass
    assert await SnsCertificates(tmp_path).get(f"{url}/{NAME}") is None


@pytest.mark.parametrize("name", ["x.pem", "..", "", "SimpleNotificationService-0a.pem"], ids=range(4))
async def test_a_file_of_another_name_is_neither_asked_for_nor_kept(tmp_path, name):
    async with raw_server(answer(pem())) as (url, server):
        assert await SnsCertificates(tmp_path).get(f"{url}/{name}") is None
        assert server.asked == []
    assert list(tmp_path.iterdir()) == []


async def test_a_folder_that_cannot_be_written_costs_no_certificate(tmp_path):
    (tmp_path / "certificates").write_text("in the way")
    async with raw_server(answer(pem())) as (url, _):
        assert await SnsCertificates(tmp_path, timeout=PATIENT).get(f"{url}/{NAME}") == pem()


@contextlib.asynccontextmanager
async def tls_server(tls: ssl.SSLContext):
    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(pem()))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def test_the_host_is_checked_by_its_certificate(tmp_path):
    ours, others = (self_signed(tmp_path / name, "localhost") for name in ("ours", "others"))
    async with tls_server(ours.server()) as url:
        for ca_file, expected in ((ours.path, pem()), (others.path, None), (None, None)):
            state = tmp_path / (str(ca_file and ca_file.parent.name) + "-state")
            certificates = SnsCertificates(state, timeout=PATIENT, ca_file=ca_file)
            assert await certificates.get(f"{url}/{NAME}") == expected


async def test_it_goes_through_the_proxy_of_the_environment(tmp_path, monkeypatch):
    ours = self_signed(tmp_path / "tls", PINNED.host)
    async with tls_server(ours.server()) as url, tunnelling(url) as (proxy, raw):
        monkeypatch.setenv("HTTPS_PROXY", proxy.replace("://", "://me:secret@"))
        monkeypatch.setenv("NO_PROXY", "")
        certificates = SnsCertificates(tmp_path, timeout=PATIENT, ca_file=ours.path)
        assert await certificates.get(URL) == pem()
        assert raw.asked[0].startswith(f"CONNECT {PINNED.host}:443 HTTP/1")
        assert "Proxy-Authorization: Basic " in raw.asked[0]


def published(endpoint: str, message: str) -> tuple[str, str]:
    """The topic, and the body that its queue has of a message."""
    settings = {"endpoint_url": endpoint, "region_name": "us-east-1", "aws_access_key_id": "x",
                "aws_secret_access_key": "x"}  # fmt: skip
    with (
        contextlib.closing(boto3.client("sns", **settings)) as sns,
        contextlib.closing(boto3.client("sqs", **settings)) as sqs,
    ):
        topic = sns.create_topic(Name="halts")["TopicArn"]
        queue = sqs.create_queue(QueueName="q")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        attributes = {"target_type": {"DataType": "String", "StringValue": "mcp_server"}}
        sns.publish(TopicArn=topic, Message=message, MessageAttributes=attributes)
        (received,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
        return topic, received["Body"]


async def test_a_notification_of_a_real_topic_is_verified(tmp_path: Path):
    message = json.dumps({"command_type": "BLOCK", "target_type": "mcp_server", "mcp_server": "files"})
    with s3_server() as endpoint:
        topic, body = await asyncio.to_thread(published, endpoint, message)
        async with certificates_of(endpoint) as origin:
            certificates = SnsCertificates(tmp_path, timeout=PATIENT)
            reader = Reader(trust(), Pinned.of(topic, origin), certificates, patience=PATIENT)
            order = await reader.read(Message("m", body, "h"), 1.0)
            assert (order.command, order.proof) == (Command.BLOCK, Proof.SNS)
            assert order.scope == Scope(Kind.MCP_SERVER, "files")
            forged = body.replace("files", "other")
            assert (await reader.read(Message("m", forged, "h"), 1.0)).why == "bad_signature"
