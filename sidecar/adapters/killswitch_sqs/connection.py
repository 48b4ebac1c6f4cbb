"""Connection: one HTTP/1.1 connection to the endpoint, one request at a time, every answer bounded."""

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import Final, Self, cast

import httptools

from sidecar.adapters.killswitch_sqs.dial import dial
from sidecar.adapters.killswitch_sqs.endpoint import Endpoint
from sidecar.core.errors import FeedError
from sidecar.service.ports import FeedTrouble

_HEADERS: Final = 100


class AnswerTooLarge(FeedError):
    """More bytes than an answer may have."""


@dataclass(slots=True)
class Answer:
    """Header names in lower case; of a header that comes twice, the last."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class Connection(asyncio.Protocol):
    """Use `open`. After any error but a bad status it is of no use any more, as `is_open` says."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Answer] | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._answer = Answer()
        self._bytes = 0

    @classmethod
    async def open(cls, endpoint: Endpoint, tls: ssl.SSLContext | None, most: int) -> Self:
        """Takes as long as it takes. Raises OSError; ssl.SSLError is one. `most` bytes are read of an answer."""
        connected = await dial(endpoint)
        try:
            _, made = await asyncio.get_running_loop().create_connection(
                lambda: cls(most),
                sock=connected,
                ssl=tls if endpoint.is_tls else None,
                server_hostname=endpoint.host if endpoint.is_tls else None,
            )
        except BaseException:
            connected.close()
            raise
        return made

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, request: bytes) -> Answer:
        """The answer to one whole request. Raises FeedError. Cancelled, the connection ends at once."""
        if self._transport is None:
            raise FeedError(FeedTrouble.UNREACHABLE, "the connection is closed")
        self._answer, self._bytes = Answer(), 0
        self._parser = httptools.HttpResponseParser(self)
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            return await self._waiter
        except BaseException:
            self.close()
            raise
        finally:
            self._waiter = None

    def close(self) -> None:
        """At once, whatever is under way."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        told = f": {exc}" if exc else ""
        self._fail(FeedError(FeedTrouble.UNREACHABLE, f"the connection was lost before the answer{told}"))

    def data_received(self, data: bytes) -> None:
        if self._waiter is None or self._waiter.done() or self._parser is None:
            self.close()  # nothing was asked
            return
        self._bytes += len(data)
        if self._bytes > self._most:
            self._fail(AnswerTooLarge(FeedTrouble.GARBAGE, f"the answer has more than {self._most} bytes"))
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(FeedError(FeedTrouble.GARBAGE, f"the answer is not HTTP: {error}"))

    def on_message_begin(self) -> None:
        if self._waiter is None or self._waiter.done():
            self.close()  # an answer that nothing was asked for follows the one that was

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(self._answer.headers) < _HEADERS:
            self._answer.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._answer.body += body

    def on_message_complete(self) -> None:
        parser, waiter = self._parser, self._waiter
        if parser is None or waiter is None or waiter.done():
            return
        self._answer.status = parser.get_status_code()
        if not parser.should_keep_alive():
            self.close()
        waiter.set_result(self._answer)
        self._answer = Answer()

    def _fail(self, error: FeedError) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)
