"""Which agent a call of the ASCEND dialect is for, where neither its path nor its body says so.

The SDK keeps cookies, one jar a client, and sends them on every later call. So the answers to calls that name their
agent set one, and it is read on those that do not. It says no more than an `agent_id` in a body does: a claim, which
a subject that is bound to a uid or token does not pass by.
"""

import base64
import binascii
from typing import Final

from sidecar.api.wire import Call, header_lines

UNKNOWN: Final = "unknown"
_COOKIE: Final = "ascend_agent"
_ATTRIBUTES: Final = "; Path=/; HttpOnly; SameSite=Strict"
_CHARS: Final = 1024


def agent_of(call: Call) -> str:
    """The agent that the caller's cookie names, else `unknown`."""
    for pair in call.headers.get("cookie", "").replace(",", ";").split(";"):
        name, _, value = pair.strip().partition("=")
        if name == _COOKIE:
            return _decode(value) or UNKNOWN
    return UNKNOWN


def remember(call: Call, agent_id: str) -> bytes:
    """The header by which the caller's next calls name this agent; none if they do, or if there is no agent."""
    if agent_id in ("", UNKNOWN) or len(agent_id) > _CHARS:
        return b""
    pair = f"{_COOKIE}={base64.urlsafe_b64encode(agent_id.encode()).decode().rstrip('=')}"
    is_known = pair in call.headers.get("cookie", "").split("; ")
    return b"" if is_known else header_lines(("Set-Cookie", pair + _ATTRIBUTES))


def _decode(value: str) -> str:
    try:
        padded = value + "=" * (-len(value) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()[:_CHARS]
    except (binascii.Error, ValueError):
        return ""
