"""The port OrderFeed: one call is one request, tried once. When to try again is the loop's to say."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import msgspec
from botocore.credentials import ReadOnlyCredentials

from sidecar.adapters.killswitch_sqs.answers import MOST_MESSAGES, check_deleted, entries_of, received
from sidecar.adapters.killswitch_sqs.connection import Answer, AnswerTooLarge, Connection
from sidecar.adapters.killswitch_sqs.credentials import Chain, Credentials
from sidecar.adapters.killswitch_sqs.endpoint import Endpoint
from sidecar.adapters.killswitch_sqs.signing import Skew, signed_request
from sidecar.core.errors import FeedError
from sidecar.service.ports import FeedTrouble, Message

T = TypeVar("T")
# Besides what a poll may wait: a server that hangs is noticed so much later.
_BEYOND: Final = 2.5
_MOST_BYTES: Final = 16 * 1024 * 1024


class SqsFeed:
    """One queue. Use it in one loop; `close` lets its connections go."""

    def __init__(
        self,
        endpoint: Endpoint,
        now: Callable[[], float],
        *,
        ca_file: str | None = None,
        credentials: Credentials | None = None,
    ) -> None:
        """`now` is the machine's wall clock in epoch seconds. Raises ValueError for certificates that are none."""
        self.name = endpoint.queue_url
        self._endpoint = endpoint
        self._now = now
        self._tls = _tls(ca_file) if endpoint.is_tls else None
        self._credentials = credentials or Credentials(Chain().load, now)
        self._skew = Skew()
        self._idle: list[Connection] = []
        self._most = MOST_MESSAGES

    async def receive(self, wait: float) -> Sequence[Message]:
        """As the port says. With a visibility timeout of 0, a poll that was given up hides nothing from the next."""
        seconds = int(wait)
        asked = {
            "QueueUrl": self._endpoint.queue_url,
            "MaxNumberOfMessages": self._most,
            "VisibilityTimeout": 0,
            "WaitTimeSeconds": seconds,
            "MessageSystemAttributeNames": ["ApproximateReceiveCount"],
        }
        try:
            found = await self._call("ReceiveMessage", asked, seconds + _BEYOND, received)
        except AnswerTooLarge:
            # Ten of the longest messages may be too many for one answer; one is not.
            self._most = 1
            raise
        self._most = MOST_MESSAGES
        return found

    async def delete(self, handles: Sequence[str]) -> None:
        """As the port says."""
        entries = entries_of(handles)
        asked = {"QueueUrl": self._endpoint.queue_url, "Entries": entries}
        await self._call("DeleteMessageBatch", asked, _BEYOND, partial(check_deleted, count=len(entries)))

    async def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    async def _call(
        self, operation: str, asked: dict[str, Any], within: float, read: Callable[[Answer], T]
    ) -> T:
        """What `read` makes of the answer to a request of the JSON protocol. Raises FeedError."""
        keys = None
        try:
            async with asyncio.timeout(within):
                keys = await self._credentials.get()
                at = self._now() + self._skew.seconds
                body = msgspec.json.encode(asked)
                answer = await self._exchange(signed_request(self._endpoint, operation, body, keys, at))
        except TimeoutError as error:
            why = FeedTrouble.TIMEOUT if keys else FeedTrouble.CREDENTIALS
            raise FeedError(why, f"no answer within {within:g} s") from error
        except OSError as error:
            raise FeedError(FeedTrouble.UNREACHABLE, f"no connection: {error}") from error
        try:
            return read(answer)
        except FeedError as error:
            raise self._explained(error, answer, keys) from error

    def _explained(self, error: FeedError, answer: Answer, keys: ReadOnlyCredentials) -> FeedError:
        """Draw from a refusal what makes the next call go through, and say what it was."""
        if error.why not in {FeedTrouble.CLOCK, FeedTrouble.CREDENTIALS}:
            return error
        if self._skew.learn(answer.headers.get("date", ""), self._now()):
            return FeedError(FeedTrouble.CLOCK, f"the clocks differ by {self._skew.seconds:.0f} s: {error}")
        if error.why is FeedTrouble.CREDENTIALS:
            self._credentials.reject(keys)
        return error

    async def _exchange(self, request: bytes) -> Answer:
        connection = await self._connection()
        answer = await connection.ask(request)
        if connection.is_open:
            self._idle.append(connection)
        return answer

    async def _connection(self) -> Connection:
        while self._idle:
            if (connection := self._idle.pop()).is_open:
                return connection
        return await Connection.open(self._endpoint, self._tls, _MOST_BYTES)


def _tls(ca_file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ValueError(f"{ca_file}: no certificates can be read from it: {error.strerror}") from error
