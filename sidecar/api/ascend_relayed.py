"""What the platform replied to a call that was passed on, in the shapes that the SDK reads.

It repeats 429 and 5xx, cannot read an empty answer and does not show what a 404 or 405 says. So every reply becomes
200 with JSON, or 401, 403 or 422 with a string `detail`.
"""

from typing import Final

from sidecar.api.ascend_replies import detail
from sidecar.api.wire import Reply, ok
from sidecar.core.model import JSON
from sidecar.core.platform import Reason, Unavailable
from sidecar.service.forwarding import Kept
from sidecar.service.ports import PlatformReply

_FORBIDDEN: Final = frozenset({402, 403, 451})
_LONGEST: Final = 1024
# After these nobody knows whether the platform has seen the call.
_UNKNOWN: Final = frozenset({Reason.TIMEOUT, Reason.CUT, Reason.FAILING, Reason.MALFORMED, Reason.TOO_LARGE})
_KEPT: Final = {
    Kept.NO_KEY: "This is passed on to the ASCEND platform with the caller's own key, and none was sent.",
    Kept.LOOP: "This has been here before: the platform's address leads back to this daemon.",
}


def relayed(told: PlatformReply | Unavailable | Kept, headers: bytes = b"") -> Reply:
    """The reply to the caller; `headers` are ours, none of the platform's are handed on."""
    if isinstance(told, Kept):
        return detail(403, _KEPT[told], headers)
    if isinstance(told, Unavailable):
        return detail(403, _silence(told), headers)
    if 200 <= told.status < 300:
        return _answer(told.body, headers)
    return detail(_status(told.status), _text(told), headers)


def _answer(body: JSON, headers: bytes) -> Reply:
    if body is None:
        return ok({}, headers)
    if isinstance(body, dict | list):
        return ok(body, headers)
    return detail(403, "The ASCEND platform answered with something else than an object or a list.", headers)


def _status(status: int) -> int:
    if status == 401:
        return 401
    return 403 if status in _FORBIDDEN else 422


def _text(told: PlatformReply) -> str:
    """Its own words where it gives any: the SDK takes an object that speaks of governance for a success."""
    said = told.body.get("detail") if isinstance(told.body, dict) else None
    if isinstance(said, dict):
        said = said.get("detail") or said.get("error")
    if isinstance(said, str) and said.strip():
        return said[:_LONGEST]
    return f"The ASCEND platform refused this with HTTP status {told.status}."


def _silence(told: Unavailable) -> str:
    text = f"The ASCEND platform does not answer: {told.reason}."
    return f"{text} Whether it took the call is not known." if told.reason in _UNKNOWN else text
