"""A server that lets a bundle out piece by piece, only when it is told to, and tells how far it has come."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECES = 8


class Dripping:
    """`release` lets the next request have `body`; `sent` is called with the number of each piece that has left."""

    def __init__(self) -> None:
        self.body = b""
        self.sent: Callable[[int], None] = lambda piece: None
        self.url = ""
        self._go = threading.Event()

    def release(self, body: bytes, sent: Callable[[int], None]) -> None:
        self.body, self.sent = body, sent
        self._go.set()

    def hold(self) -> None:
        self._go.clear()

    def write(self, handler: BaseHTTPRequestHandler) -> None:
        self._go.wait(30)
        body, sent = self.body, self.sent
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        size = len(body) // PIECES + 1
        for piece in range(PIECES):
            handler.wfile.write(body[piece * size : (piece + 1) * size])
            handler.wfile.flush()
            sent(piece)


@contextmanager
def dripping() -> Iterator[Dripping]:
    """The server on a free port of this machine."""
    one = Dripping()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                one.write(self)
            except OSError:
                self.close_connection = True  # whoever asked was killed

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    one.url = f"http://127.0.0.1:{server.server_address[1]}/bundle.dsse"
    try:
        yield one
    finally:
        one.release(b"", lambda piece: None)
        server.shutdown()
        thread.join()
        server.server_close()
