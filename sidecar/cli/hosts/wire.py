"""Wire: one HTTP exchange with the daemon on a connection of its own.

This speaks HTTP by itself, because http.client takes longer to load than the answer takes to come.
"""

import socket
from contextlib import suppress
from time import monotonic
from typing import Final, NamedTuple

from sidecar.cli.hosts.calls import CannotTell, TooLate

_UNIX: Final = "unix:"
_HTTP: Final = "http://"
_MOST: Final = 1 << 20


class Answer(NamedTuple):
    """A whole answer; the names of its header fields are in lower case."""

    status: int
    fields: dict[str, str]
    body: bytes


def exchange(address: str, line: str, fields: list[str], body: bytes, end: float) -> Answer:
    """Send one request and read all of its answer, by `end` of the monotonic clock. Raises CannotTell."""
    head = [f"{line} HTTP/1.1", f"Host: {_authority(address)}", "Connection: close", *fields]
    if body:
        head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    with _connect(address, end) as connection:
        with suppress(OSError):  # who did not take it all may have answered already; else reading tells
            connection.sendall("\r\n".join([*head, "", ""]).encode() + body)
        return _parts(_read(connection, end))


def _authority(address: str) -> str:
    return address.removeprefix(_HTTP).partition("/")[0] if address.startswith(_HTTP) else "localhost"


def _connect(address: str, end: float) -> socket.socket:
    left = max(0.01, end - monotonic())
    try:
        if not address.startswith(_UNIX):
            host, _, port = _authority(address).rpartition(":")
            return socket.create_connection((host.strip("[]"), int(port)), left)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(left)
        connection.connect(address.removeprefix(_UNIX))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise CannotTell(
            f"no daemon answers at {address} ({why}); `ascend-sidecar doctor` tells more"
        ) from error
    return connection


def _read(connection: socket.socket, end: float) -> bytes:
    raw = b""
    try:
        while len(raw) <= _MOST:
            connection.settimeout(max(0.01, end - monotonic()))
            piece = connection.recv(1 << 16)
            if not piece:
                return raw
            raw += piece
    except TimeoutError as error:
        raise TooLate("the daemon gave no whole answer in time") from error
    except OSError as error:
        raise CannotTell("the daemon broke off its answer") from error
    raise CannotTell("the daemon's answer is too long")


def _parts(raw: bytes) -> Answer:
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, status = first.partition(" ")
    if version not in {"HTTP/1.1", "HTTP/1.0"} or not status[:3].isdecimal():
        raise CannotTell("what answers is not the daemon")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if len(fields) != len(lines) or fields.get("content-length") != str(len(body)):
        raise CannotTell("the daemon gave no whole answer")
    return Answer(int(status[:3]), fields, body)
