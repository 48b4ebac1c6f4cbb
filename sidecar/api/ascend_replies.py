"""What all routes of the ASCEND dialect share: errors in the one shape that the SDK reads, and strict parameters.

The SDK repeats 429 and 5xx, waits on Retry-After and cannot read an empty answer: so every answer of the dialect is
200 with an object, or 401, 403, 404 or 422 with a string `detail`.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Final

from sidecar.api.wire import Call, Handler, Reply, encode
from sidecar.core.errors import AuditError, NotOwed, RequestError

# The SDK puts names into paths unescaped, where `/`, `..`, `?` and `%` would mean something else.
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}")
_TRUTHS: Final = {"True": True, "true": True, "False": False, "false": False}
PAGE: Final = 50


def detail(status: int, text: str, headers: bytes = b"") -> Reply:
    return Reply(status, encode({"detail": text}), headers)


def guarded(handler: Callable[[Call], Awaitable[Reply]]) -> Handler:
    """The handler behind a check of its path's parameters, its errors in the dialect's shape."""

    async def guarded(call: Call) -> Reply:
        try:
            for param in call.params:
                _check_name(param)
            return await handler(call)
        except RequestError as error:
            return detail(422, str(error))
        except NotOwed as error:
            return detail(403, str(error))
        except AuditError:
            return detail(403, "The log cannot be written; nothing was recorded.")

    return guarded


def _check_name(param: str) -> None:
    if not _NAME.fullmatch(param):
        message = "may have 128 letters, digits and ._:@- and begins with a letter or digit"
        raise RequestError(message, field="path")


def number(call: Call, name: str, default: int, *, least: int = 0, most: int = 10**9) -> int:
    """A whole number of the query. Raises RequestError below `least`; above `most` it is `most`."""
    text = call.query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) >= least):
        raise RequestError(f"must be a whole number from {least}", field=name)
    return min(int(text), most)


def truth(call: Call, name: str) -> bool | None:
    """A boolean of the query, in Python's spelling or JSON's; None if it is not there. Raises RequestError."""
    text = call.query.get(name, "")
    if not text:
        return None
    if text not in _TRUTHS:
        raise RequestError("must be true or false", field=name)
    return _TRUTHS[text]


def number_in_path(call: Call) -> int:
    """A path's parameter that is a whole number from 1. Raises RequestError."""
    text = call.params[0]
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 19 and int(text) > 0):
        raise RequestError("must be a whole number from 1", field="path")
    return int(text)
