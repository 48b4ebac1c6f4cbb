"""A daemon's doors without a daemon: real sockets that give prepared answers and remember questions."""

import json
import socketserver
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


@dataclass
class StubDaemon:
    """`answers` maps `METHOD /path` to status and body; all else is 404. `asked` is every request."""

    answers: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)

    def answer(self, method, path, headers, body):
        self.asked.append((method, path, dict(headers), body))
        status, told = self.answers.get(f"{method} {path}", (404, {"detail": "no such route"}))
        return status, told if isinstance(told, bytes) else json.dumps(told).encode()


def decision(verdict="allow", **context):
    """An AuthZEN answer."""
    return {
        "decision": verdict == "allow",
        "context": {"verdict": verdict, "code": "allowed", "reason": "Because.", **context},
    }


def _handler(stub):
    class Handler(BaseHTTPRequestHandler):
        def _serve(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, told = stub.answer(self.command, self.path, self.headers, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        do_GET = do_POST = _serve  # noqa: N815 - the names that http.server looks for

        def address_string(self):
            return "stub"

        def log_message(self, *_):
            pass

    return Handler


class _UnixServer(socketserver.UnixStreamServer):
    def get_request(self):
        request, _ = super().get_request()
        return request, ("unix", 0)


@contextmanager
def _running(server):
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def on_tcp(stub):
    """The URL of the stub on a free port."""
    with _running(HTTPServer(("127.0.0.1", 0), _handler(stub))) as server:
        yield f"http://127.0.0.1:{server.server_address[1]}"


@contextmanager
def on_socket(stub, path: Path):
    """The stub on a Unix socket at `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _running(_UnixServer(str(path), _handler(stub))):
        yield path
