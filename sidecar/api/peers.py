"""Peers: what the kernel tells of the other end of a connection."""

import asyncio
import socket
import struct
from typing import Final

from sidecar.core.model import Caller

_CREDENTIALS: Final = struct.Struct("3i")
_NOBODY: Final = Caller()


def peer_of(transport: asyncio.BaseTransport) -> Caller:
    """uid, gid and pid of a Unix socket's other end, as they were when it connected (unix(7), SO_PEERCRED)."""
    channel = transport.get_extra_info("socket")
    if channel is None or channel.family != socket.AF_UNIX:
        return _NOBODY
    raw = channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, gid = _CREDENTIALS.unpack(raw)
    return Caller(uid, gid, pid)
