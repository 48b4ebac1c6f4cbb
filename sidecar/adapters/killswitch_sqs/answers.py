"""Answers: what a 200 must be before it is believed. One that is anything else is an error, never `no messages`.

A captive portal, a proxy or another service that answers 200 would otherwise look like a queue without a halt.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from sidecar.adapters.killswitch_sqs.connection import Answer
from sidecar.adapters.killswitch_sqs.refusals import refusal, trouble_of
from sidecar.adapters.killswitch_sqs.signing import CONTENT_TYPE
from sidecar.core.errors import FeedError
from sidecar.service.ports import FeedTrouble, Message

_MESSAGES: Final = "Messages"
MOST_MESSAGES: Final = 10
_COUNT: Final = "ApproximateReceiveCount"


class _Received(msgspec.Struct, frozen=True):
    """One message, as ReceiveMessage gives it."""

    message_id: str = msgspec.field(name="MessageId")
    handle: str = msgspec.field(name="ReceiptHandle")
    md5: str = msgspec.field(name="MD5OfBody")
    body: str = msgspec.field(name="Body")
    attributes: dict[str, str] = msgspec.field(name="Attributes", default_factory=dict)


class _Failed(msgspec.Struct, frozen=True):
    """One message that DeleteMessageBatch did not delete."""

    entry: str = msgspec.field(name="Id")
    code: str = msgspec.field(name="Code", default="")


class _Done(msgspec.Struct, frozen=True):
    """One that it did."""

    entry: str = msgspec.field(name="Id")


class _Deleted(msgspec.Struct, frozen=True):
    """What DeleteMessageBatch gives."""

    done: list[_Done] = msgspec.field(name="Successful", default_factory=list)
    failed: list[_Failed] = msgspec.field(name="Failed", default_factory=list)


def received(answer: Answer) -> list[Message]:
    """The messages. Raises FeedError."""
    body = _object(answer)
    if body and _MESSAGES not in body:
        raise _garbage("an object that SQS does not know")
    found = _convert(body.get(_MESSAGES, []), list[_Received])
    if len(found) > MOST_MESSAGES:
        raise _garbage(f"{len(found)} messages, where at most {MOST_MESSAGES} were asked for")
    return [_message(one) for one in found]


def check_deleted(answer: Answer, count: int) -> None:
    """Raises FeedError unless all so many of `entries_of` are."""
    told = _convert(_object(answer), _Deleted)
    left = set(map(str, range(count))) - {one.entry for one in told.done}
    if left:
        codes = [one.code for one in told.failed]
        why = next((found for code in codes if (found := trouble_of(code))), FeedTrouble.UNDELETED)
        shown = ", ".join(sorted(set(codes))) or "no code given"
        raise FeedError(why, f"{len(left)} of {count} messages were not deleted: {shown[:200]}")


def _message(one: _Received) -> Message:
    if hashlib.md5(one.body.encode(), usedforsecurity=False).hexdigest() != one.md5.lower():
        raise _garbage("a message whose MD5 is not that of its body")
    if not (one.handle and one.message_id):
        raise _garbage("a message without a handle or id")
    count = one.attributes.get(_COUNT, "")
    return Message(one.message_id, one.body, one.handle, int(count) if _is_number(count) else 1)


def _object(answer: Answer) -> dict[str, Any]:
    """The JSON object of a 200. Raises FeedError for any other answer."""
    if answer.status != 200:
        raise refusal(answer, _json(answer))
    if answer.content_type != CONTENT_TYPE:
        raise _garbage(f"content of type {answer.content_type[:64] or '(none given)'}")
    body = _json(answer)
    if not isinstance(body, dict):
        raise _garbage("content that is no JSON object")
    return body


def _json(answer: Answer) -> Any:
    try:
        return msgspec.json.decode(bytes(answer.body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _convert(value: Any, into: Any) -> Any:
    try:
        return msgspec.convert(value, into)
    except msgspec.ValidationError as error:
        raise _garbage(f"content that SQS does not send: {error}") from error


def _garbage(what: str) -> FeedError:
    return FeedError(FeedTrouble.GARBAGE, f"what answers is not SQS: 200 with {what}")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def entries_of(handles: Sequence[str]) -> list[dict[str, str]]:
    """The entries of DeleteMessageBatch, each with its place as its id."""
    return [{"Id": str(place), "ReceiptHandle": handle} for place, handle in enumerate(handles)]
