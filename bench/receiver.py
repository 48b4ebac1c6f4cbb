"""The bare receive loop: takes what comes by a queue, reads its envelope, notes the time; decides and keeps nothing.

Usage: python -m bench.receiver ENDPOINT QUEUE_URL, which prints a line for each message once it is in hand: its id as
SNS gave it, and the epoch seconds.
"""

import sys
import time
from typing import Any, Final

import msgspec
import uvloop
from aiohttp import ClientSession

WAIT: Final = 5
BATCH: Final = 10
_HEADERS: Final = {
    "content-type": "application/x-amz-json-1.0",
    "authorization": "AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/sqs/aws4_request, "
    "SignedHeaders=host, Signature=0",
}


class _Message(msgspec.Struct, rename="pascal"):
    body: str
    receipt_handle: str


class _Received(msgspec.Struct, rename="pascal"):
    messages: list[_Message] = []


class _Envelope(msgspec.Struct, rename="pascal"):
    message_id: str
    message: str


_received: Final = msgspec.json.Decoder(_Received)
_envelope: Final = msgspec.json.Decoder(_Envelope)


async def receive(endpoint: str, queue: str) -> None:
    """Polls as the daemon does, so that the server has the same to do for both. Never returns."""
    asked = {
        "QueueUrl": queue,
        "MaxNumberOfMessages": BATCH,
        "VisibilityTimeout": 0,
        "WaitTimeSeconds": WAIT,
    }
    async with ClientSession(headers=_HEADERS) as session:
        while True:
            answer = await _call(session, endpoint, "ReceiveMessage", asked)
            messages = _received.decode(answer).messages
            for message in messages:
                print(_envelope.decode(message.body).message_id, time.time(), flush=True)
            if messages:
                entries = [
                    {"Id": str(number), "ReceiptHandle": message.receipt_handle}
                    for number, message in enumerate(messages)
                ]
                await _call(session, endpoint, "DeleteMessageBatch", {"QueueUrl": queue, "Entries": entries})


async def _call(session: ClientSession, endpoint: str, operation: str, asked: dict[str, Any]) -> bytes:
    target = {"x-amz-target": f"AmazonSQS.{operation}"}
    async with session.post(endpoint, data=msgspec.json.encode(asked), headers=target) as answer:
        answer.raise_for_status()
        return await answer.read()


if __name__ == "__main__":
    uvloop.run(receive(sys.argv[1], sys.argv[2]))
