"""The doors of one daemon: its sockets, what is behind each, and where each can be found."""

import asyncio
import ipaddress
import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sidecar.api.http1 import HttpServer
from sidecar.api.listen import Door
from sidecar.api.sockets import address_of, bind_tcp, bind_unix, tls_context
from sidecar.config import Config
from sidecar.core.errors import ConfigError, Diagnostic, Place


@dataclass(frozen=True, slots=True)
class Sockets:
    """The listening sockets, bound before anything else so that a wrong address is told at once."""

    decision_tcp: socket.socket
    decision: socket.socket
    approvals: socket.socket | None
    admin: socket.socket
    ops: socket.socket
    tls: ssl.SSLContext | None

    def addresses(self) -> dict[str, str | int]:
        """What `listen.json` tells."""
        approvals = {} if self.approvals is None else {"approvals_socket": address_of(self.approvals)}
        return {
            "decision": address_of(self.decision_tcp, tls=self.tls is not None),
            "decision_socket": address_of(self.decision),
            **approvals,
            "admin_socket": address_of(self.admin),
            "ops": address_of(self.ops),
            "pid": os.getpid(),
        }


_HANDED_OVER: Final = ("decision", "decision-tcp", "approvals", "admin", "ops")


def open_sockets(config: Config, handed: Mapping[str, socket.socket]) -> Sockets:
    """Bind what the service manager did not hand over. Raises ConfigError."""
    _check_handed(config, handed)
    tls = tls_context(config.tls.cert, config.tls.key) if config.tls.cert and config.tls.key else None
    listen, ops, group = config.listen, config.ops_listen, config.socket.group
    return Sockets(
        decision_tcp=handed.get("decision-tcp") or bind_tcp(listen.host, listen.port, "listen"),
        decision=handed.get("decision") or bind_unix(config.decision_socket, config.socket.mode, group),
        approvals=handed.get("approvals") or _approvals_socket(config),
        admin=handed.get("admin") or bind_unix(config.admin_socket, 0o600),
        ops=handed.get("ops") or bind_tcp(ops.host, ops.port, "ops_listen"),
        tls=tls,
    )


def _approvals_socket(config: Config) -> socket.socket | None:
    """None until a group is named that may connect."""
    group = config.approvals.group
    return bind_unix(config.approvals_socket, 0o660, group) if group else None


def _check_handed(config: Config, handed: Mapping[str, socket.socket]) -> None:
    """What holds for an address in the config holds for a socket that comes with one too."""
    for name in handed:
        if name not in _HANDED_OVER:
            hint = f"FileDescriptorName= is one of {', '.join(_HANDED_OVER)}"
            raise ConfigError(
                Diagnostic(Place("LISTEN_FDNAMES"), f"`{name}` is no socket of the daemon", hint)
            )
    listener = handed.get("decision-tcp")
    if listener is None or (config.tls.cert and config.tokens_file):
        return
    host = listener.getsockname()[0]
    if not ipaddress.ip_address(host).is_loopback:
        message = f"the socket decision-tcp is open on {host}, which is not loopback"
        raise ConfigError(
            Diagnostic(Place("LISTEN_FDNAMES"), message, "set tls and tokens_file, or use loopback")
        )


class Serving:
    """The servers on the sockets, from the first accepted connection to the last closed one."""

    def __init__(self) -> None:
        self._servers: list[tuple[asyncio.Server, HttpServer]] = []

    async def open(self, listener: socket.socket, door: Door, tls: ssl.SSLContext | None = None) -> None:
        protocol = door.server()
        server = await asyncio.get_running_loop().create_server(protocol, sock=listener, ssl=tls)
        self._servers.append((server, protocol))

    def sweep(self) -> None:
        """End the connections that are too slow or silent."""
        now = asyncio.get_running_loop().time()
        for _, protocol in self._servers:
            protocol.sweep(now)

    async def close(self) -> None:
        """Accept nothing new, let what is at work finish within a second, then close."""
        for server, _ in self._servers:
            server.close()
        for _, protocol in self._servers:
            await protocol.close(1.0)
