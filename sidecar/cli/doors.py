"""Doors: how the command line finds a running daemon and speaks HTTP with it, over TCP or a Unix socket."""

import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

import msgspec

from sidecar.cli.exits import UnreachableError, UsageError
from sidecar.config import SYSTEM_RUN_DIR, Config

_PATIENCE: Final = 10.0
_MAX_ANSWER: Final = 4 << 20
_MAX_LISTEN_FILE: Final = 64 << 10


class Listening(msgspec.Struct, frozen=True):
    """The addresses that a daemon wrote down (`listen.json` in its state folder)."""

    decision: str | None = None
    decision_socket: str | None = None
    approvals_socket: str | None = None
    ops: str | None = None


@dataclass(frozen=True, slots=True)
class Door:
    """One way to a daemon: a URL, or the path of a Unix socket."""

    scheme: str
    address: str
    base: str = ""

    @classmethod
    def at_url(cls, url: str) -> Self:
        """Raises UsageError unless it is an http or https URL without user, query or fragment."""
        try:
            parts = urlsplit(url)
            port = f":{parts.port}" if parts.port is not None else ""
        except ValueError as error:
            raise UsageError(f"`{url}` is not a URL: {error}") from error
        if parts.scheme not in {"http", "https"} or not parts.hostname or set(url) & set("?#@"):
            raise UsageError(f"`{url}` is not a URL such as http://127.0.0.1:8181")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        return cls(parts.scheme, host + port, parts.path.rstrip("/"))

    @classmethod
    def at_socket(cls, path: Path | str) -> Self:
        return cls("unix", str(path))

    def __str__(self) -> str:
        return f"{self.scheme}:{'' if self.scheme == 'unix' else '//'}{self.address}"

    def connect(self, patience: float = _PATIENCE) -> HTTPConnection:
        """A connection that is open, and waits so many seconds for what comes next. Raises OSError."""
        if self.scheme == "unix":
            connection: HTTPConnection = _UnixConnection(self.address, patience)
        elif self.scheme == "https":
            connection = HTTPSConnection(self.address, timeout=patience)
        else:
            connection = HTTPConnection(self.address, timeout=patience)
        connection.connect()
        return connection


@dataclass(frozen=True, slots=True)
class Message:
    """What is asked."""

    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Response:
    """What came back, and through which door."""

    door: Door
    status: int
    body: bytes


class _UnixConnection(HTTPConnection):
    def __init__(self, path: str, patience: float) -> None:
        super().__init__("localhost", timeout=patience)
        self._path = path
        self._patience = patience

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        try:
            self.sock.settimeout(self._patience)
            self.sock.connect(self._path)
        except OSError:
            self.sock.close()
            raise


def decision_doors(config: Config) -> tuple[Door, ...]:
    """Where a daemon of this config may be asked, the Unix socket first: only there does it know who asks."""
    listening = listening_at(config.listen_file)
    doors = [Door.at_socket(config.decision_socket)]
    if listening.decision_socket:
        doors.append(Door.at_socket(listening.decision_socket))
    scheme = "https" if config.tls.cert else "http"
    doors.append(Door.at_url(listening.decision or f"{scheme}://{config.listen.dialled}"))
    return tuple(dict.fromkeys(doors))


def approvals_doors(config: Config) -> tuple[Door, ...]:
    """Where people answer. A person's own run folder is not that of the host's daemon, so its place is tried too.

    The admin socket comes last: it is for the daemon's own user and root.
    """
    listening = listening_at(config.listen_file)
    if listening != Listening():
        sockets = [Path(listening.approvals_socket)] if listening.approvals_socket else []
    else:
        sockets = [config.approvals_socket, SYSTEM_RUN_DIR / config.approvals_socket.name]
    return tuple(dict.fromkeys(Door.at_socket(path) for path in (*sockets, config.admin_socket)))


def ops_door(config: Config) -> Door:
    """Where a daemon of this config answers probes."""
    return Door.at_url(listening_at(config.listen_file).ops or f"http://{config.ops_listen.dialled}")


def listening_at(path: Path) -> Listening:
    """What the daemon wrote down; nothing if there is no such file or others may not read it."""
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(_MAX_LISTEN_FILE), type=Listening)
    except OSError:
        return Listening()
    except msgspec.MsgspecError as error:
        raise UnreachableError(f"{path} does not tell where the daemon listens: {error}") from error


def exchange(doors: Iterable[Door], message: Message, patience: float = _PATIENCE) -> Response:
    """Ask at the first door that opens. Raises UnreachableError; a message once sent is never sent again."""
    refusals = []
    for door in doors:
        try:
            connection = door.connect(patience)
        except (OSError, UnicodeError) as error:
            refusals.append(f"{door}: {getattr(error, 'strerror', None) or error}")
        else:
            return _ask(connection, door, message)
    raise UnreachableError(f"no daemon answers ({'; '.join(refusals)})")


def _ask(connection: HTTPConnection, door: Door, message: Message) -> Response:
    try:
        connection.request(message.method, door.base + message.path, message.body, dict(message.headers))
        answer = connection.getresponse()
        raw = answer.read(_MAX_ANSWER + 1)
    except (OSError, HTTPException) as error:
        raise UnreachableError(f"{door} gave no answer: {str(error) or type(error).__name__}") from error
    finally:
        connection.close()
    if len(raw) > _MAX_ANSWER:
        raise UnreachableError(f"{door} gave an answer of more than {_MAX_ANSWER} bytes")
    return Response(door, answer.status, raw)


def problem_of(raw: bytes) -> str:
    """RFC 9457: `detail` explains this occurrence."""
    try:
        return str(msgspec.json.decode(raw, type=dict[str, object]).get("detail", "no reason given"))
    except (msgspec.MsgspecError, UnicodeError):
        return "no reason given"
