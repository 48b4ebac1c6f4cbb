"""Envoy's gRPC `ext_authz`, as another way into the door of gateways. Needs the extra `grpc`.

Any gRPC status but OK is an error to Envoy, which lets pass what errs where `failure_mode_allow` is set. So the
status is always OK, and a refusal is an answer. Who connects is not known here: grpcio does not tell the peer's uid.
"""

import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from sidecar.api.forward_auth import FAILED, ForwardAuth
from sidecar.api.forward_auth_messages import METHOD, OVERWRITE, SERVICE, CheckRequest, CheckResponse
from sidecar.api.forward_auth_request import ENVOY, OURS, Reason
from sidecar.api.message import Incoming
from sidecar.api.prefer import ENVOYS_PATIENCE
from sidecar.api.sockets import give
from sidecar.api.wire import Reply
from sidecar.core.errors import ConfigError, Diagnostic, Place
from sidecar.core.model import Caller

_logger = logging.getLogger(__name__)
# Envoy bounds what it sends by `max_request_bytes`; what is beyond this is an error to it.
_MESSAGE_BYTES: Final = 16 * 1024 * 1024
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.1: not those of HTTP/2 such as :path
_REMOVE: Final = "x-envoy-auth-headers-to-remove"
# google.rpc.Code
_OK, _PERMISSION_DENIED, _UNAUTHENTICATED = 0, 7, 16


class ForwardAuthGrpc(grpc.GenericRpcHandler):  # type: ignore[misc] # grpcio has no types
    """A server of its own on a Unix socket, with the rights of the decision socket. `body`: most bytes of one."""

    def __init__(
        self,
        forward: ForwardAuth,
        path: Path,
        mode: int,
        group: str | None,
        body: int,
        on_request: Callable[[], None],
    ) -> None:
        self._forward = forward
        self._path = path
        self._mode = mode
        self._group = group
        self._body = body
        self._on_request = on_request
        self._server: Any = None

    def bind(self) -> None:
        """Within a running loop. Raises ConfigError."""
        options = (("grpc.max_receive_message_length", _MESSAGE_BYTES), ("grpc.so_reuseport", 0))
        self._server = grpc.aio.server(options=options)
        self._server.add_generic_rpc_handlers((self,))
        mask = os.umask(0o177)
        try:
            self._server.add_insecure_port(f"unix:{self._path}")
        except RuntimeError as error:
            message = "cannot listen on this socket for forward_auth.grpc"
            raise ConfigError(Diagnostic(Place(str(self._path)), message)) from error
        finally:
            os.umask(mask)
        give(self._path, self._mode, self._group)

    async def open(self) -> None:
        await self._server.start()

    async def close(self, patience: float) -> None:
        """Take nothing new, and let what is at work finish within so many seconds."""
        await self._server.stop(patience)

    def service(self, details: Any) -> Any:
        if details.method != f"/{SERVICE}/{METHOD}":
            return None
        return grpc.unary_unary_rpc_method_handler(self._check)

    async def _check(self, raw: bytes, context: Any) -> bytes:
        """A CheckRequest to a CheckResponse, both as bytes, so that one that cannot be read is answered as well."""
        self._on_request()
        refuse = self._forward.refuse
        try:
            incoming = _incoming(raw, context.time_remaining())
            if len(incoming.body) > self._body:
                reply = refuse(Reason.BAD_REQUEST, "The body is too large.", incoming.headers)
            else:
                reply = await self._forward.respond(incoming)
        except DecodeError:
            reply = refuse(Reason.BAD_REQUEST, "The request cannot be read.", {})
        except Exception:
            _logger.exception("forward auth came to no answer")
            reply = refuse(Reason.INTERNAL_ERROR, FAILED, {})
        return _response(reply)


def _incoming(raw: bytes, remaining: float | None) -> Incoming:
    """As the HTTP service would have sent it. Raises DecodeError."""
    held = CheckRequest.FromString(raw).attributes.request.http
    headers = {one.key.lower(): one.value for one in held.headers if _NAME.fullmatch(one.key)}
    headers["host"] = held.host
    headers.pop(ENVOYS_PATIENCE, None)  # that of the client's request, which is another wait
    if remaining is not None:
        headers[ENVOYS_PATIENCE] = str(max(1, int(remaining * 1000)))
    return Incoming(
        held.method, f"{ENVOY}{held.path}", headers, held.raw_body or held.body.encode(), Caller(), True
    )


def _response(reply: Reply) -> bytes:
    response = CheckResponse()
    lines = reply.headers.decode("latin-1").split("\r\n")[:-1]
    pairs = [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines)]
    if reply.status == 200:
        response.status.code = _OK
        _put(response.ok_response.headers, [pair for pair in pairs if pair[0].startswith(OURS)])
        removed = next((value for name, value in pairs if name == _REMOVE), "")
        response.ok_response.headers_to_remove.extend(name for name in removed.split(", ") if name)
    else:
        response.status.code = _UNAUTHENTICATED if reply.status == 401 else _PERMISSION_DENIED
        response.denied_response.status.code = reply.status
        given = [("content-type", reply.content_type), *(pair for pair in pairs if pair[0] != _REMOVE)]
        _put(response.denied_response.headers, given)
        response.denied_response.body = reply.body.decode()
    written: bytes = response.SerializeToString()
    return written


def _put(headers: Any, pairs: list[tuple[str, str]]) -> None:
    for name, value in pairs:
        headers.add(header={"key": name, "value": value}, append_action=OVERWRITE)
