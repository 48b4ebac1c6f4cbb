"""Where containers get their AWS credentials from: an endpoint of this machine that can fail, or take its time."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sidecar.core.times import rfc3339


class CredentialsServer:
    """Gives `key`, which ends at `until` (epoch seconds). `tokens`: what each request was authorized by."""

    def __init__(self) -> None:
        self.key = "AKIAFIRST"
        self.until = 0.0
        self.status = 200
        self.tokens: list[str | None] = []
        self.url = ""
        self._free = threading.Event()
        self._free.set()

    def hang(self) -> None:
        self._free.clear()

    def release(self) -> None:
        self._free.set()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.tokens.append(handler.headers.get("Authorization"))
        self._free.wait(30)
        told = {
            "AccessKeyId": self.key,
            "SecretAccessKey": "test-secret",
            "Token": "session",
            "Expiration": rfc3339(self.until),
        }
        body = json.dumps(told).encode()
        handler.send_response(self.status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


@contextmanager
def credentials_server() -> Iterator[CredentialsServer]:
    """The server on a free port of this machine."""
    one = CredentialsServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                one.answer(self)
            except OSError:
                self.close_connection = True  # whoever asked has given up

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    one.url = f"http://127.0.0.1:{server.server_address[1]}/credentials"
    try:
        yield one
    finally:
        one.release()
        server.shutdown()
        thread.join()
        server.server_close()
