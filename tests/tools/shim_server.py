"""A daemon that answers as a vector says, on TCP or on a Unix socket, a thread for each connection."""

import contextlib
import json
import re
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

from tests.tools.shim_vectors import Asked, Ending, Exchange, Given, Stream, Transport, Vector

_LONGEST = 30.0


class Request:
    """What came in: header names in lower case."""

    def __init__(self, head: str, body: bytes) -> None:
        line, *fields = head.split("\r\n")
        self.method, self.target, _ = line.split(" ", 2)
        self.headers = {
            name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)
        }
        self.body = body

    def differs(self, asked: Asked) -> list[str]:
        """In what it is not as it must be."""
        path, query = urlsplit(self.target).path, parse_qs(urlsplit(self.target).query)
        found = [
            (asked.method and asked.method != self.method, f"method {self.method}"),
            (asked.path and asked.path != path, f"path {path}"),
            (asked.agent and query.get("agent") != [asked.agent], f"query {self.target}"),
            *(
                (not _matches(pattern, self.headers.get(name)), f"header {name}: {self.headers.get(name)}")
                for name, pattern in asked.headers.items()
            ),
        ]
        if isinstance(asked.body, dict) and json.loads(self.body) != asked.body:
            found.append((True, f"body {self.body!r}"))
        return [what for is_wrong, what in found if is_wrong]


def _matches(pattern: str | None, value: str | None) -> bool:
    if pattern is None or value is None:
        return pattern is value
    return re.fullmatch(pattern, value) is not None


class ShimServer:
    """`address` is what a shim is given. `faults` tells what was asked that should not have been."""

    def __init__(self, vector: Vector, transport: Transport, folder: Path) -> None:
        self.faults: list[str] = []
        self._exchanges = list(vector.exchanges)
        self._streams = list(vector.streams)
        self._asked_at = 0.0
        self._gate = threading.Semaphore(0)
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        family = socket.AF_UNIX if transport == "unix" else socket.AF_INET
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        path = folder / "s.sock"
        self._listener.bind(str(path) if transport == "unix" else ("127.0.0.1", 0))
        port = "" if transport == "unix" else self._listener.getsockname()[1]
        self.address = f"unix:{path}" if transport == "unix" else f"http://127.0.0.1:{port}"
        self._path = path if transport == "unix" else None
        if vector.listening:
            self._listener.listen(64)
            self._start(self._accept)
        elif self._path:
            self._path.unlink()

    def __enter__(self) -> "ShimServer":
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for _ in range(64):
            self._gate.release()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(_LONGEST)
        if self._path:
            self._path.unlink(missing_ok=True)

    def open_gate(self) -> None:
        self._gate.release()

    def left(self) -> list[str]:
        """What was wrong so far, and what should have been asked and was not."""
        owed = [one.expect for one in self._exchanges if not one.optional]
        return [*self.faults, *(f"not asked for: {one}" for one in owed)]

    def _start(self, run: Callable[[], None]) -> None:
        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.add(connection)
            self._start(lambda connection=connection: self._serve(connection))

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.settimeout(_LONGEST)
            self._answer(connection)
        with self._lock:
            self._open.discard(connection)
            connection.close()

    def _answer(self, connection: socket.socket) -> None:
        with self._lock:
            is_slammed = bool(self._exchanges) and self._exchanges[0].answer.slam
            if is_slammed:
                self._exchanges.pop(0)
        if is_slammed:
            # Not before it has written: curl takes what is closed earlier for a connection that was never made.
            select.select([connection], [], [], _LONGEST)
            return
        request = _read(connection)
        if request is None:
            return
        if urlsplit(request.target).path == "/v1/events":
            self._stream(connection, request)
        else:
            self._exchange(connection, request)

    def _exchange(self, connection: socket.socket, request: Request) -> None:
        with self._lock:
            exchange: Exchange | None = self._exchanges.pop(0) if self._exchanges else None
            since, self._asked_at = time.monotonic() - self._asked_at, time.monotonic()
        if exchange is None:
            self.faults.append(f"asked too much: {request.method} {request.target}")
            return
        self.faults += request.differs(exchange.expect)
        if since < exchange.apart:
            self.faults.append(f"asked again after {since} s")
        given = exchange.answer
        self._over.wait(given.delay)
        raw = render(given)
        if given.drip:
            for byte in raw:
                connection.sendall(bytes([byte]))
                if self._over.wait(given.drip):
                    return
        else:
            connection.sendall(raw)
        self._end(connection, given.then)

    def _stream(self, connection: socket.socket, request: Request) -> None:
        with self._lock:
            stream = self._streams.pop(0) if self._streams else Stream(status=503)
        self.faults += request.differs(stream.expect)
        if stream.bytes is not None:
            connection.sendall(stream.bytes.encode())
            return
        head = f"HTTP/1.1 {stream.status} X\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close"
        connection.sendall(f"{head}\r\n\r\n".encode())
        for cue in stream.script:
            if cue.gate:
                self._gate.acquire()
            self._over.wait(cue.pause)
            connection.sendall(cue.send.encode() * cue.times)
            if cue.end:
                self._end(connection, cue.end)

    def _end(self, connection: socket.socket, how: Ending) -> None:
        if how == "hold":
            self._over.wait(_LONGEST)
        elif how == "reset" and connection.family == socket.AF_INET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _read(connection: socket.socket) -> Request | None:
    raw = b""
    while b"\r\n\r\n" not in raw:
        piece = connection.recv(65536)
        if not piece:
            return None
        raw += piece
    head, _, body = raw.partition(b"\r\n\r\n")
    request = Request(head.decode("latin-1"), body)
    while len(request.body) < int(request.headers.get("content-length", 0)):
        request.body += connection.recv(65536)
    return request


def render(given: Given) -> bytes:
    """The bytes of an answer."""
    if given.bytes is not None:
        return given.bytes.encode("latin-1")
    headers: dict[str, str | list[str] | None] = {}
    body = given.body or ""
    if given.told:
        told = given.told
        decision = told.verdict == "allow" if told.decision is None else told.decision
        context = {"verdict": told.verdict, "reason": told.reason, "obligations": told.obligations}
        if given.body is None:
            body = json.dumps({"decision": decision, "context": context}, separators=(",", ":"))
        headers = {
            "Content-Type": "application/json",
            "X-Ascend-Verdict": told.verdict,
            "X-Ascend-Code": told.code,
            "X-Ascend-Id": told.id,
            "X-Ascend-Risk": told.risk,
            "X-Ascend-Reason": quote(told.reason, safe=" ,.;:()'"),
        }
    body = body[:-1] + " " * given.fill + body[-1:]
    length = str(len(body.encode()) if not isinstance(given.length, int) else given.length)
    headers |= {"Content-Length": None if given.length is None else length} | given.headers
    lines = [f"HTTP/1.1 {given.status} X"]
    for name, value in headers.items():
        values = value if isinstance(value, list) else [] if value is None else [value]
        lines += [f"{name}: {one}" for one in values]
    lines += [f"X-Pad: {'x' * 900}"] * (given.pad // 900)
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body.encode()
