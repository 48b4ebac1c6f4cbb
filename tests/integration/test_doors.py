"""What bad input gets at a door: a 4xx that names the field, within a bounded time, and an unharmed daemon."""

import contextlib
import json
import re
import select
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.tools.daemon import PATIENT, Daemon, evaluation, until

READ = evaluation("agent:a1", "database.read", "resource:customer_profiles")


def address(daemon) -> tuple[str, int]:
    parts = urlsplit(daemon.listen["decision"])
    return parts.hostname, parts.port


def raw(daemon, data: bytes, read: bool = True) -> bytes:
    """What the door says to these bytes until it closes."""
    with socket.create_connection(address(daemon), timeout=20) as connection:
        connection.sendall(data)
        told = b""
        while read and (chunk := connection.recv(65536)):
            told += chunk
        return told


@pytest.fixture(autouse=True)
def unharmed(daemon):
    yield
    assert daemon.post("/access/v1/evaluation", READ).body["decision"] is True


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8181", "127.0.0.1.evil.example", "", "10.0.0.1"]
)
def test_a_foreign_host_is_refused(daemon, host):
    answer = daemon.post("/access/v1/evaluation", READ, Host=host)
    assert (answer.status, answer.body["field"]) == (403, "Host")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.9.9.9", "[::1]:8181"])
def test_a_loopback_host_is_taken(daemon, host):
    assert daemon.post("/access/v1/evaluation", READ, Host=host).status == 200


def test_a_foreign_origin_is_refused_and_a_loopback_one_taken(daemon):
    answer = daemon.post("/access/v1/evaluation", READ, Origin="https://evil.example")
    assert (answer.status, answer.body["field"]) == (403, "Origin")
    assert daemon.post("/access/v1/evaluation", READ, Origin="http://localhost:3000").status == 200
    assert daemon.post("/access/v1/evaluation", READ, Origin="null").status == 403


def test_neither_is_looked_at_on_the_socket(daemon):
    answer = daemon.post(
        "/access/v1/evaluation", READ, "decision_socket", Host="evil.example", Origin="https://evil.example"
    )
    assert answer.status == 200


def test_an_unknown_path_is_404_and_a_wrong_method_405(daemon):
    assert daemon.get("/nothing/here").status == 404
    answer = daemon.get("/access/v1/evaluation")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert daemon.post("/access/v1/evaluation/", READ).status == 404


def test_a_body_over_the_limit_is_413_before_it_is_read(daemon):
    told = raw(
        daemon, b"POST /access/v1/evaluation HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\n\r\n"
    )
    assert told.startswith(b"HTTP/1.1 413")
    assert b'"field":"body"' in told


def test_a_chunked_body_over_the_limit_is_413_while_it_is_read(daemon):
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    head = b"POST /access/v1/evaluation HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert raw(daemon, head + chunk * 5).startswith(b"HTTP/1.1 413")


CHUNKED = (
    b"POST /access/v1/evaluation HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
)


def test_a_body_in_very_many_chunks_is_read_in_time(daemon):
    """Looking at all chunks again for each one would hold the daemon for minutes, and nobody would get an answer."""
    body = json.dumps(READ).encode().ljust(200_000)
    told = raw(daemon, CHUNKED + b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n")
    assert told.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("frame", [b"0\r\nX-Trailer: ", b"1;extension="], ids=["trailer", "extension"])
def test_framing_without_end_is_refused(daemon, frame):
    """The daemon ends the connection, so that the peer cannot go on."""
    ended = pytest.raises((BrokenPipeError, ConnectionResetError))
    with socket.create_connection(address(daemon), timeout=20) as connection, ended:
        connection.sendall(CHUNKED + frame + b"x" * 24_000_000)


def test_what_comes_behind_a_refused_message_is_not_kept(daemon):
    """Its answer waits for that of the request before, which a caller can make to wait."""
    held = daemon.evaluate("agent:a1", "shell.exec", "host:local").headers["X-Ascend-Id"]
    waiting = f"GET /v1/decisions/{held} HTTP/1.1\r\nHost: localhost\r\nPrefer: wait=50\r\n\r\n".encode()
    with socket.create_connection(address(daemon), timeout=20) as connection:
        connection.sendall(waiting + b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000)
        before = resident(daemon)
        for _ in range(64):
            connection.sendall(b"x" * 1_000_000)
        assert resident(daemon) - before < 32_000_000


def resident(daemon) -> int:
    """Bytes of the daemon's memory."""
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024


def test_headers_over_the_limit_are_431(daemon):
    lines = b"".join(b"X-%d: %s\r\n" % (number, b"y" * 1000) for number in range(20))
    told = raw(daemon, b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + lines + b"\r\n")
    assert told.startswith(b"HTTP/1.1 431")
    endless = raw(daemon, b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"y" * 20000)
    assert endless.startswith(b"HTTP/1.1 431")


@pytest.mark.parametrize(
    "message",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"NONSENSE\r\n\r\n",
        b"GET /health HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost : localhost\r\n\r\n",
    ],
)
def test_what_is_not_http_or_could_smuggle_is_400_and_closed(daemon, message):
    assert raw(daemon, message).startswith(b"HTTP/1.1 400")


def test_requests_sent_ahead_are_answered_in_order(daemon):
    one = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    two = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    told = raw(daemon, one * 30 + two + last)
    statuses = re.findall(rb"HTTP/1.1 (\d+)", told)
    assert statuses == [b"200"] * 30 + [b"404", b"200"]


def test_an_offered_upgrade_is_ignored(daemon):
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    last = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    offering = b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + upgrade + b"\r\n"
    assert raw(daemon, offering + last).count(b"HTTP/1.1 200") == 2
    assert raw(daemon, offering * 2000 + last).count(b"HTTP/1.1 200") == 2001


def test_expect_continue_is_answered_before_the_body(daemon):
    with socket.create_connection(address(daemon), timeout=10) as connection:
        connection.sendall(
            b"POST /access/v1/evaluation HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        )
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"{}")
        assert connection.recv(1000).startswith(b"HTTP/1.1 400")


def test_a_head_request_gets_no_body(daemon):
    told = raw(daemon, b"HEAD /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert told.startswith(b"HTTP/1.1 405")
    assert told.endswith(b"\r\n\r\n")


@pytest.fixture
def impatient(tmp_path):
    """A daemon that waits half a second for a request to arrive, and a second for a silent connection."""
    limits = {"ASCEND_SIDECAR_LIMITS_READ_TIMEOUT": "500ms", "ASCEND_SIDECAR_LIMITS_IDLE": "1s"}
    with Daemon(tmp_path, environ=PATIENT | limits) as running:
        yield running


@pytest.mark.parametrize(
    "beginning",
    [
        b"POST /access/v1/evaluation HTTP/1.1\r\nHost: loc",
        b"POST /access/v1/evaluation HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n{",
    ],
)
def test_a_slow_sender_is_told_and_closed(impatient, beginning):
    """One byte now and then does not buy more time."""
    with socket.create_connection(address(impatient), timeout=10) as connection:
        connection.sendall(beginning)
        told = b""

        def ended() -> bool:
            """Reads what there is before it sends, because sending fails once the daemon has closed."""
            nonlocal told
            if not select.select([connection], [], [], 0)[0]:
                with contextlib.suppress(OSError):
                    connection.sendall(b"a")
                return False
            try:
                piece = connection.recv(1000)
            except ConnectionError:
                return True
            told += piece
            return not piece

        until(ended, "the slow connection is ended")
    assert b"HTTP/1.1 408" in told


def at_once(body: dict) -> bytes:
    """A request in one piece, so that no machine is too slow for sending it."""
    text = json.dumps(body).encode()
    head = b"POST /access/v1/evaluation HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return head + b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text)


def test_many_slow_senders_do_not_keep_others_out(impatient):
    slow = [socket.create_connection(address(impatient), timeout=10) for _ in range(200)]
    try:
        for connection in slow:
            connection.sendall(b"POST / HTTP/1.1\r\nX: ")
        assert b'"decision":true' in raw(impatient, at_once(READ))
    finally:
        for connection in slow:
            connection.close()


def test_a_silent_connection_is_closed(impatient):
    started = time.monotonic()
    with socket.create_connection(address(impatient), timeout=10) as connection:
        assert connection.recv(1) == b""
        assert time.monotonic() - started > 0.5
