"""LocalStack's SNS and SQS on loopback: another real server than moto, whose SNS signatures verify as AWS's do.

`make fault` installs it into a folder of its own, because its dependencies are pinned against those of the tests.
"""

import os
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


@contextmanager
def localstack() -> Iterator[str]:
    """Its address; it ends with the block."""
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="localstack-") as folder:
        environ = {**os.environ, **_SETTINGS, "FILESYSTEM_ROOT": folder}
        environ |= {"GATEWAY_LISTEN": f"127.0.0.1:{port}", "LOCALSTACK_HOST": f"127.0.0.1:{port}"}
        environ.pop("PYTHONPATH", None)
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(
                [PYTHON, "-P", _STARTER], env=environ, cwd=folder, stdout=log, stderr=log
            )
            try:
                until(lambda: process.poll() is not None or _answers(address), "LocalStack answers", 60)
                assert process.poll() is None, (Path(folder) / "log").read_text()
                yield address
            finally:
                process.kill()
                process.wait()


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
