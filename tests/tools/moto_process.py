"""moto's server as a process of its own, which can be stopped and continued as a server that hangs is."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.tools.daemon import until


class MotoProcess:
    """`hang` and `go_on` are SIGSTOP and SIGCONT: the kernel still accepts and acknowledges meanwhile."""

    def __init__(self) -> None:
        self.port = _free_port()
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def hang(self) -> None:
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)

    def is_up(self) -> bool:
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", self.port)) == 0

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def moto_process() -> Iterator[MotoProcess]:
    server = MotoProcess()
    try:
        until(server.is_up, "moto listens", 60.0)
        yield server
    finally:
        server.end()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
