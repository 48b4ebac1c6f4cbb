"""`make run-with-platform`: both start, what it says to try works, and one signal ends both."""

import http.client
import json
import shlex
import signal
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from tests.tools.daemon import REPOSITORY, until


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_demonstration_does_what_it_says_and_ends_as_a_whole(tmp_path, how):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "tests.tools.run_with_platform", "--state-dir", str(tmp_path / "state")]
    command += ["--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"]
    with out.open("wb") as log, subprocess.Popen(command, cwd=REPOSITORY, stdout=log, stderr=log) as demo:
        try:
            listen = tmp_path / "state" / "listen.json"
            until(listen.exists, "the daemon serves")
            told = json.loads(listen.read_bytes())
            assert _submit(told["decision"], out.read_text(), "hold.payment") == "pending"
            assert _submit(told["decision"], out.read_text(), "deny.payment") == "denied"
            demo.send_signal(how)
            assert demo.wait(20) == 0
        finally:
            demo.kill()
    assert not listen.exists()


def _submit(daemon: str, printed: str, action: str) -> str:
    """The decision on the very body that it says to try."""
    line = next(line for line in printed.splitlines() if f'"{action}"' in line)
    connection = http.client.HTTPConnection(urlsplit(daemon).netloc, timeout=10)
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/api/v1/actions/submit", shlex.split(line)[-1].encode(), headers)
    told = json.loads(connection.getresponse().read())
    connection.close()
    return told["decision"]
