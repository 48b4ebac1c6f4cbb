"""What the dialects share: a call as it came in, a reply as it goes out, and the verdict in headers."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final, TypeVar
from urllib.parse import quote

import msgspec

from sidecar.core.errors import RequestError
from sidecar.core.ijson import JsonLimits, parse_object
from sidecar.core.model import JSON, Caller, Object, Request
from sidecar.core.record import Trace

T = TypeVar("T")

JSON_TYPE: Final = "application/json"
_NAME_CHARS: Final = 1024
_ID_CHARS: Final = 4096
_ID_HEADER_CHARS: Final = 256

encode: Final = msgspec.json.Encoder().encode


_TRACING: Final = frozenset({"x-request-id", "x-correlation-id", "traceparent"})
_UNTRACED: Final = Trace()


class Call(msgspec.Struct, frozen=True, gc=False):
    """One HTTP request: header names in lower case; `params` are the variable segments of its path.

    `query` has the last value of each name, `all_query` all of them. `agent` is named by a prefix of the path.
    """

    headers: Mapping[str, str]
    body: bytes
    caller: Caller
    params: tuple[str, ...] = ()
    query: Mapping[str, str] = {}
    all_query: tuple[tuple[str, str], ...] = ()
    agent: str = ""

    @property
    def via(self) -> str:
        """RFC 9110 7.6.3: through whom it came."""
        return self.headers.get("via", "")

    def trace(self) -> Trace:
        if _TRACING.isdisjoint(self.headers):
            return _UNTRACED
        get = self.headers.get
        return Trace(
            get("x-request-id", "")[:_ID_HEADER_CHARS],
            get("x-correlation-id", "")[:_ID_HEADER_CHARS],
            get("traceparent", "")[:_ID_HEADER_CHARS],
        )


class Reply(msgspec.Struct, frozen=True, gc=False):
    """One HTTP answer; `headers` are whole lines, as `header_lines` makes them."""

    status: int
    body: bytes
    headers: bytes = b""
    content_type: str = JSON_TYPE


class Stream(Reply, frozen=True, kw_only=True, gc=False):
    """An answer whose body goes on: chunks until there are none, or until the connection is lost.

    `chunks` awaits futures only, because no task runs it. `close` ends it from outside; calling it twice is once.
    """

    chunks: AsyncIterator[bytes]
    close: Callable[[], None]


Handler = Callable[[Call], Awaitable[Reply]]


class Route(msgspec.Struct, frozen=True):
    """`path` may hold `{}` segments, each of which matches exactly one; `reads_json` asks for a JSON body.

    `about`, `reads`, the type of its body, and `streams`, that its answer goes on, describe the route where the
    OpenAPI document does not itself.
    """

    method: str
    path: str
    handler: Handler
    reads_json: bool = False
    about: str = ""
    reads: type | None = None
    streams: bool = False


def ok(value: JSON, headers: bytes = b"") -> Reply:
    """200 with a JSON value."""
    return Reply(200, encode(value), headers)


def parse_body(call: Call, limits: JsonLimits) -> Object:
    """The JSON object in the body. Raises RequestError."""
    return parse_object(call.body, limits)


def read(value: JSON, type_: type[T], path: str = "") -> T:
    """Decoded JSON as a type; unknown members are ignored. Raises RequestError naming the field."""
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        raise _as_request_error(error, path) from error


def read_request(value: JSON, path: str = "") -> Request:
    """A Request out of decoded JSON; unknown members are ignored. Raises RequestError naming the field."""
    request = read(value, Request, path)
    if (
        len(request.resource.id) > _ID_CHARS
        or len(request.subject.id) > _NAME_CHARS
        or len(request.action.name) > _NAME_CHARS
        or len(request.subject.type) > _NAME_CHARS
        or len(request.resource.type) > _NAME_CHARS
    ):
        raise RequestError(f"names may have {_NAME_CHARS} characters, resource.id {_ID_CHARS}", field=path)
    return request


def _as_request_error(error: msgspec.ValidationError, path: str) -> RequestError:
    """msgspec says `what - at `$.where``; a missing member is named after the object that lacks it."""
    what, _, where = str(error).partition(" - at `$")
    field = where.removesuffix("`").lstrip(".")
    if what.startswith("Object missing required field `"):
        member = what.split("`")[1]
        field = f"{field}.{member}".lstrip(".")
        what = "is required"
    return RequestError(what[:1].lower() + what[1:], field=f"{path}.{field}".strip("."))


def header_lines(*headers: tuple[str, str]) -> bytes:
    """Names and values as the lines of a head."""
    return "".join([f"{name}: {value}\r\n" for name, value in headers]).encode("latin-1", "replace")


def header_safe(text: str) -> str:
    """Text as it may stand in a header: nothing that would end the line."""
    return text if text.isprintable() and text.isascii() else quote(text)
