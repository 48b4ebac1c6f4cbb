"""Dial: a socket to the endpoint that tells within three seconds when nobody is there any more."""

import asyncio
import socket
from typing import Any, Final

from sidecar.adapters.killswitch_sqs.endpoint import Endpoint
from sidecar.core.proxy import Proxy

# tcp(7): a peer that answers neither a probe after one silent second nor the two that follow is gone.
_OPTIONS: Final = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 2),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 3000),
)
# For each address of a name: one family that leads nowhere must not keep the other from being tried.
_EACH: Final = 1.0
_HEAD_BYTES: Final = 8 * 1024

# Family, type, protocol, canonical name, address: as getaddrinfo(3) gives them.
_Address = tuple[Any, Any, int, str, tuple[Any, ...]]


async def dial(endpoint: Endpoint) -> socket.socket:
    """Connected, through the proxy if there is one. Takes as long as it takes. Raises OSError."""
    proxy = endpoint.proxy
    if proxy is None:
        return await _connect(endpoint.host, endpoint.port)
    found = await _connect(proxy.url.host or "", proxy.url.port or 80)
    try:
        await _tunnel(found, endpoint, proxy)
    except BaseException:
        found.close()
        raise
    return found


async def _connect(host: str, port: int) -> socket.socket:
    loop = asyncio.get_running_loop()
    problem: OSError | None = None
    for address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        try:
            async with asyncio.timeout(_EACH):
                return await _connect_to(address)
        except OSError as error:  # TimeoutError is one
            problem = error
    raise problem or OSError(f"{host} has no address")


async def _connect_to(address: _Address) -> socket.socket:
    made = socket.socket(*address[:3])
    try:
        made.setblocking(False)
        for option in _OPTIONS:
            made.setsockopt(*option)
        await asyncio.get_running_loop().sock_connect(made, address[4])
    except BaseException:
        made.close()
        raise
    return made


async def _tunnel(connected: socket.socket, endpoint: Endpoint, proxy: Proxy) -> None:
    """RFC 9110 section 9.3.6: nothing of the endpoint follows the head before the proxy has answered."""
    where = f"{endpoint.host}:{endpoint.port}"
    lines = [f"CONNECT {where} HTTP/1.1", f"Host: {where}"]
    lines += [f"{name}: {value}" for name, value in proxy.headers.items()]
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(connected, "\r\n".join([*lines, "", ""]).encode())
    head = b""
    while b"\r\n\r\n" not in head:
        piece = await loop.sock_recv(connected, 1024)
        head += piece
        if not piece or len(head) > _HEAD_BYTES:
            raise ConnectionError("the proxy does not answer as one")
    words = head.split(b" ", 2)
    if len(words) < 2 or not words[1].startswith(b"2"):
        raise ConnectionError("the proxy refuses the connection")
