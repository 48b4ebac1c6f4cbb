"""The prober: publishes a halt and asks, without a pause, until the halted agent is denied."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import msgspec
from aiohttp import ClientError, ClientSession

from bench.processes import BenchError
from bench.rules import REQUEST
from bench.topic import Topic

ALLOWED: Final = "allowed"
HALTED: Final = "halted"
WITHIN: Final = 10.0
_JSON: Final = {"content-type": "application/json"}
# moto finds the service that is asked by the scope of the signature, which it does not check.
_FORM: Final = {
    "content-type": "application/x-www-form-urlencoded",
    "authorization": "AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/sns/aws4_request, "
    "SignedHeaders=host, Signature=0",
}
_MESSAGE_ID: Final = (b"<MessageId>", b"</MessageId>")


class _Context(msgspec.Struct):
    code: str


class _Answer(msgspec.Struct):
    decision: bool
    context: _Context


_answer: Final = msgspec.json.Decoder(_Answer)


@dataclass(frozen=True, slots=True)
class Stopped:
    """One halt: the id of its order, and of the message as SNS gave it; then times in epoch seconds.

    When it was given to SNS, when SNS said that it had taken it, when the halted agent was first denied.
    """

    command_id: str
    message_id: str
    began: float
    published: float
    denied: float


class Prober:
    """Asks the daemon at `url` over one connection, and publishes on the topic over another."""

    def __init__(self, topic: Topic, url: str) -> None:
        self._topic = topic
        self._url = urlsplit(url)
        self._seq = 0

    async def stop(self, count: int, pause: float) -> list[Stopped]:
        """That many halts, each of another agent, with a pause before each. Raises BenchError."""
        origin = f"{self._url.scheme}://{self._url.netloc}"
        try:
            async with ClientSession() as sns, ClientSession(origin) as daemon:
                return [await self._stop(sns, daemon, pause) for _ in range(count)]
        except ClientError as error:
            raise BenchError(f"halts cannot be measured: {error}") from error

    async def _stop(self, sns: ClientSession, daemon: ClientSession, pause: float) -> Stopped:
        self._seq += 1
        agent = f"payment-halted-{self._seq}"
        command_id, message = self._topic.halt(agent, self._seq)
        body = _asked(agent)
        if await self._ask(daemon, body) != ALLOWED:
            raise BenchError(f"{agent} was not allowed before it was halted")
        await asyncio.sleep(pause)
        began = time.time()
        (message_id, published), denied = await asyncio.gather(
            self._publish(sns, message), self._until_denied(daemon, body)
        )
        return Stopped(command_id, message_id, began, published, denied)

    async def _until_denied(self, daemon: ClientSession, body: bytes) -> float:
        deadline = time.monotonic() + WITHIN
        while await self._ask(daemon, body) != HALTED:
            if time.monotonic() > deadline:
                raise BenchError(f"an agent was not denied within {WITHIN:g} s after it was halted")
        return time.time()

    async def _publish(self, sns: ClientSession, message: str) -> tuple[str, float]:
        form = urlencode({"Action": "Publish", "TopicArn": self._topic.arn, "Message": message})
        async with sns.post(self._topic.endpoint, data=form.encode(), headers=_FORM) as answer:
            answer.raise_for_status()
            text = await answer.read()
        before, after = _MESSAGE_ID
        return text.partition(before)[2].partition(after)[0].decode(), time.time()

    async def _ask(self, daemon: ClientSession, body: bytes) -> str:
        async with daemon.post(self._url.path, data=body, headers=_JSON) as answer:
            return _answer.decode(await answer.read()).context.code


def _asked(agent: str) -> bytes:
    """The measured request by another agent."""
    request: dict[str, Any] = msgspec.json.decode(REQUEST)
    request["subject"]["id"] = agent
    return msgspec.json.encode(request)
