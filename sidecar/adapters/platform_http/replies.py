"""Replies: what a status, its headers, its body or a failure means for a call, and whether asking again may help."""

import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Final

import aiohttp

from sidecar.core.errors import RequestError
from sidecar.core.ijson import JsonLimits, parse_object
from sidecar.core.model import JSON
from sidecar.core.platform import Reason, Unavailable
from sidecar.service.ports import PlatformReply

MOST_BYTES: Final = 256 * 1024
_LIMITS: Final = JsonLimits(depth=33, entries=10_000)
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_PASSING: Final = frozenset({429, 502, 503, 504})


class Again(Enum):
    """Whether the same call may be made again: never, where a second arrival does no harm, or always."""

    NEVER = "never"
    IF_SAFE = "if_safe"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one. `retry_after`: seconds that the platform asks to be left alone."""

    told: PlatformReply | Unavailable
    again: Again = Again.NEVER
    retry_after: float = 0.0


def settled(status: int, headers: Mapping[str, str], *, is_own: bool) -> Attempt | None:
    """What the status alone settles; None where the body counts. To its sender a 401 is a reply like any other."""
    if 300 <= status < 400 or status < 200:
        return Attempt(Unavailable(Reason.REDIRECTED, status, "redirects are not followed"))
    if status == 401 and is_own:
        return Attempt(Unavailable(Reason.UNAUTHORIZED, status))
    if status == 429 or status >= 500:
        reason = Reason.BUSY if status == 429 else Reason.FAILING
        again = Again.IF_SAFE if status in _PASSING else Again.NEVER
        return Attempt(Unavailable(reason, status), again, _retry_after(headers.get("Retry-After", "")))
    if headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        return Attempt(Unavailable(Reason.MALFORMED, status, "it is compressed, unasked"))
    length = headers.get("Content-Length", "")
    if _NUMBER.fullmatch(length) and int(length) > MOST_BYTES:
        return Attempt(too_large(status))
    return None


def too_large(status: int) -> Unavailable:
    return Unavailable(Reason.TOO_LARGE, status, f"more than {MOST_BYTES} bytes")


def replied(status: int, raw: bytes) -> PlatformReply | Unavailable:
    """The body as JSON of any type, in which no member occurs twice; None for an empty one."""
    if not raw:
        return PlatformReply(status, None)
    try:
        return PlatformReply(status, _parse(raw))
    except RequestError:
        # The body of an error page says no more than its status does.
        if status >= 400:
            return PlatformReply(status, None)
        return Unavailable(Reason.MALFORMED, status, "it is not JSON, or ambiguous")


def _parse(raw: bytes) -> JSON:
    """As the only member of an object, because the strict reader reads objects."""
    told = parse_object(b'{"reply":' + raw + b"}", _LIMITS)
    if len(told) != 1:
        raise RequestError("more than one value")
    return told["reply"]


def failed(error: Exception) -> Attempt:
    """What an exception of the client means. Its text may hold headers, so only its kind is told."""
    kind = type(error).__name__
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return Attempt(Unavailable(Reason.TLS, detail=kind))
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientHttpProxyError):
        return Attempt(Unavailable(Reason.REFUSED, detail=kind), Again.ALWAYS)
    if isinstance(error, aiohttp.ClientResponseError):
        return Attempt(Unavailable(Reason.MALFORMED, detail="it is not HTTP"))
    if isinstance(error, ValueError):
        return Attempt(Unavailable(Reason.UNSENDABLE, detail=kind))
    return Attempt(Unavailable(Reason.CUT, detail=kind), Again.IF_SAFE)


def _retry_after(value: str) -> float:
    """RFC 9110 section 10.2.3: a number of seconds or a date; 0 for anything else."""
    if _NUMBER.fullmatch(value):
        return float(value)
    try:
        return max(parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except (ValueError, OverflowError):
        return 0.0
