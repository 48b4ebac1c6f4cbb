"""A door: from an HTTP request to a call, through the guards that every door shares, to the route's handler.

In order: Host and Origin (TCP only), route, content type, caller. No middleware runs, and a route is one look-up.
What gateways ask about the requests they hold goes another way: its Host and path are those of a request to others.
"""

import logging
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from sidecar.api.forward_auth import ForwardAuth
from sidecar.api.guards import CallerGuard, HostGuard
from sidecar.api.http1 import HttpServer
from sidecar.api.message import HttpLimits, Incoming
from sidecar.api.problems import from_error, problem
from sidecar.api.router import Router
from sidecar.api.wire import JSON_TYPE, Call, Handler, Reply, header_lines, header_safe
from sidecar.core.errors import RequestError
from sidecar.core.model import Caller

_logger = logging.getLogger(__name__)


class Door:
    """One door. `hosts` is None where Host is not checked, `callers` where the socket itself says who may come."""

    def __init__(
        self,
        router: Router,
        limits: HttpLimits,
        callers: CallerGuard | None = None,
        hosts: HostGuard | None = None,
        on_request: Callable[[], None] = lambda: None,
        on_peer: Callable[[Caller], None] = lambda _peer: None,
        forward: ForwardAuth | None = None,
    ) -> None:
        self._router = router
        self._limits = limits
        self._callers = callers
        self._hosts = hosts
        self._on_request = on_request
        self._on_peer = on_peer
        self._forward = forward

    def server(self) -> HttpServer:
        """The protocol factory for `loop.create_server`."""
        return HttpServer(self.respond, self._limits, self._on_peer, self._refuse)

    def _refuse(self, seen: bytes, reply: Reply) -> Reply:
        return reply if self._forward is None else self._forward.refusal(seen, reply)

    async def respond(self, incoming: Incoming) -> Reply:
        """The reply to one request. Never raises: what is not the caller's fault is logged and told as ours."""
        self._on_request()
        if self._forward is not None and self._forward.is_meant(incoming.target):
            return await self._forward.respond(incoming)
        try:
            handler, call = self._admit(incoming)
            return await handler(call)
        except RequestError as error:
            return _echoed(from_error(error), incoming.headers)
        except Exception as error:
            _logger.exception("no answer for %s", incoming.method)
            return _echoed(from_error(error), incoming.headers)

    def _admit(self, incoming: Incoming) -> tuple[Handler, Call]:
        """The handler of this request, and what it is called with. Raises RequestError."""
        headers = incoming.headers
        if self._hosts is not None:
            self._hosts.check(headers)
        path, _, query = incoming.target.partition("?")
        found = self._router.find(incoming.method, path)
        if found is None:
            return self._nothing_there, Call(headers, b"", incoming.peer, (path,))
        route, params = found
        if route.reads_json and incoming.body:
            _check_type(headers)
        caller = incoming.peer
        if self._callers is not None:
            caller = self._callers.identify(headers, caller)
        queried = tuple(parse_qsl(query)) if query else ()
        return route.handler, Call(headers, incoming.body, caller, params, dict(queried), queried)

    async def _nothing_there(self, call: Call) -> Reply:
        reply = problem(404, "There is nothing at this path.")
        if methods := self._router.methods(call.params[0]):
            allow = ", ".join(methods)
            reply = problem(405, f"This path takes {allow}.", headers=header_lines(("Allow", allow)))
        return _echoed(reply, call.headers)


def _check_type(headers: dict[str, str]) -> None:
    """AuthZEN 10.1 asks 400 for a wrong content type; a browser's form can then not reach a decision either."""
    given = headers.get("content-type", "")
    if given != JSON_TYPE and given.partition(";")[0].strip().lower() != JSON_TYPE:
        raise RequestError(f"must be {JSON_TYPE}", field="Content-Type")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise RequestError("must not be encoded", field="Content-Encoding")


def _echoed(reply: Reply, asked: Mapping[str, str]) -> Reply:
    """AuthZEN 10.1: X-Request-ID comes back, on errors too."""
    request_id = asked.get("x-request-id")
    if not request_id:
        return reply
    headers = reply.headers + header_lines(("X-Request-ID", header_safe(request_id[:256])))
    return Reply(reply.status, reply.body, headers, reply.content_type)
