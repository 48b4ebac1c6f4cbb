"""Which agent a call of the ASCEND dialect is for, where neither its path nor its body says so.

A prefix of the path can: with `http://127.0.0.1:8181/agent/ID` as the base URL of an SDK, every call is for ID. Else
a cookie: the SDK keeps them, one jar a client, and sends them on every later call, so the answers to calls that name
their agent set one. Either says no more than an `agent_id` in a body does: a claim, which a subject that is bound to
a uid or token does not pass by. Else the caller's token, where the bundle binds it to one agent and no other.
"""

import base64
import binascii
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote

import msgspec

from sidecar.api.ascend_replies import detail
from sidecar.api.wire import Call, Handler, Reply, Route, header_lines
from sidecar.core.model import Object
from sidecar.service.state import State

UNKNOWN: Final = "unknown"
_AGENT: Final = "agent:"
_PREFIX: Final = "/agent/{}"
_COOKIE: Final = "ascend_agent"
_ATTRIBUTES: Final = "; Path=/; HttpOnly; SameSite=Strict"
_CHARS: Final = 1024


def agent_of(call: Call, state: State) -> str:
    """The agent that this call is for, else `unknown`."""
    return next(iter(agents_of(call, state)), UNKNOWN)


def agents_of(call: Call, state: State) -> tuple[str, ...]:
    """All that it is said to be for, by prefix, cookie and token; mostly one."""
    bundle = state.snapshot.bundle
    bound = bundle.agents.of_token(call.caller.token_id) if bundle and call.caller.token_id else ""
    of_token = bound.removeprefix(_AGENT) if bound.startswith(_AGENT) else ""
    named = (call.agent, agent_of_cookie(call), of_token)
    return tuple(dict.fromkeys(agent for agent in named if agent not in ("", UNKNOWN)))


def for_agents(routes: Iterable[Route]) -> tuple[Route, ...]:
    """The same routes behind a prefix that names the agent."""
    return tuple(
        msgspec.structs.replace(one, path=f"{_PREFIX}{one.path}", handler=_named(one)) for one in routes
    )


def _named(route: Route) -> Handler:
    async def handler(call: Call) -> Reply:
        prefix, *params = call.params
        agent = unquote(prefix)
        if not (0 < len(agent) <= _CHARS and agent.isprintable()):
            return detail(422, f"path: an agent's id has 1 to {_CHARS} printable characters")
        return await route.handler(msgspec.structs.replace(call, params=tuple(params), agent=agent))

    return handler


def with_agent(body: Object, call: Call) -> Object:
    """The body of a submit, of the agent that the path names where the body itself names none."""
    names_none = body.get("agent_id") in (None, "", UNKNOWN)
    return body | {"agent_id": call.agent} if call.agent and names_none else body


def agent_of_cookie(call: Call) -> str:
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
