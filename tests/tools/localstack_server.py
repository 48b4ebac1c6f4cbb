"""LocalStack's SNS and SQS on loopback: another real server than moto, whose SNS signatures verify as AWS's do.

`make fault` installs it into a folder of its own, because its dependencies are pinned against those of the tests.
"""

import os
import signal
import socket
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.tools.daemon import REPOSITORY, until

PYTHON = REPOSITORY / ".venv" / "localstack" / "bin" / "python"
_STARTER = Path(__file__).with_name("localstack_loopback.py")
_SETTINGS = {
    "DNS_ADDRESS": "0",
    "DISABLE_EVENTS": "1",
    "SKIP_SSL_CERT_DOWNLOAD": "1",
    "STRICT_SERVICE_LOADING": "1",
    "SERVICES": "sqs,sns",
}


class LocalStackProcess:
    """`hang` and `go_on` are SIGSTOP and SIGCONT, as of a server that hangs."""

    def __init__(self, folder: Path) -> None:
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._log = folder / "log"
        environ = {**os.environ, **_SETTINGS, "FILESYSTEM_ROOT": str(folder)}
        environ |= {"GATEWAY_LISTEN": f"127.0.0.1:{port}", "LOCALSTACK_HOST": f"127.0.0.1:{port}"}
        environ.pop("PYTHONPATH", None)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [PYTHON, "-P", _STARTER], env=environ, cwd=folder, stdout=log, stderr=log
            )

    def hang(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def is_up(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()
        return _answers(self.url)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def localstack() -> Iterator[LocalStackProcess]:
    """Up and answering; it ends with the block."""
    with tempfile.TemporaryDirectory(prefix="localstack-") as folder:
        server = LocalStackProcess(Path(folder))
        try:
            until(server.is_up, "LocalStack answers", 120.0)
            yield server
        finally:
            server.end()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/_localstack/health", timeout=1) as answer:  # noqa: S310 - http
            return answer.status == 200
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
