"""What a hook meets in the daemon's place: a Unix socket that answers as a test says, a thread a connection."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

Script = bytes | Callable[[socket.socket, threading.Event], None]
_LONGEST = 30.0


@contextlib.contextmanager
def answering(path: Path, *scripts: Script) -> Iterator[list[bytes]]:
    """Gives each connection the next script, the last one to all that follow. Yields what was asked, as it comes."""
    asked: list[bytes] = []
    over = threading.Event()
    left = list(scripts)
    threads = []
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(16)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                script = left.pop(0) if len(left) > 1 else left[0]
                thread = threading.Thread(target=serve, args=(connection, script))
                threads.append(thread)
                thread.start()

    def serve(connection: socket.socket, script: Script) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(_LONGEST)
            asked.append(_request(connection))
            if isinstance(script, bytes):
                connection.sendall(script)
            else:
                script(connection, over)

    threads.append(threading.Thread(target=accept))
    threads[0].start()
    try:
        yield asked
    finally:
        over.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in threads:
            thread.join(_LONGEST)


def _request(connection: socket.socket) -> bytes:
    raw = b""
    while b"\r\n\r\n" not in raw and (piece := connection.recv(1 << 16)):
        raw += piece
    head, _, body = raw.partition(b"\r\n\r\n")
    length = next(
        (line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0"
    )
    while len(body) < int(length.partition(b":")[2]) and (piece := connection.recv(1 << 16)):
        body += piece
    return head + b"\r\n\r\n" + body


def silent(_connection: socket.socket, over: threading.Event) -> None:
    """Never answers."""
    over.wait(_LONGEST)


def dripping(connection: socket.socket, over: threading.Event) -> None:
    """Answers byte by byte, and never comes to an end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Pad: ")
    while not over.wait(0.02):
        connection.sendall(b"x")


def endless(connection: socket.socket, over: threading.Event) -> None:
    """Answers without an end, as fast as it is read."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Pad: ")
    while not over.is_set():
        connection.sendall(b"x" * 65536)


def http(body: bytes | dict, *fields: str, status: int = 200, length: int | None = None) -> bytes:
    """A whole answer; `length` is what it claims to be."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [
        f"HTTP/1.1 {status} X",
        f"Content-Length: {len(raw) if length is None else length}",
        *fields,
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + raw


def decision(verdict: str = "allow", **context: object) -> dict:
    """The body of a decision, as the daemon has it."""
    said = {
        "verdict": verdict,
        "code": "allowed",
        "reason": "Because.",
        "id": "7",
        "obligations": [],
        **context,
    }
    return {"decision": verdict == "allow", "context": said}


def decided(verdict: str = "allow", **context: object) -> bytes:
    """The answer of a daemon."""
    return http(decision(verdict, **context), f"X-Ascend-Verdict: {verdict}")
