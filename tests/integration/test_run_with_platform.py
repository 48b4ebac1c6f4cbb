"""`make run-with-platform`: both start, what it says to try works, and one signal ends both."""

import json
import re
import shlex
import signal
import subprocess
import sys
import urllib.request

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
    body = shlex.split(line)[-1].encode()
    assert re.search(r"/api/v1/actions/submit", line)
    request = urllib.request.Request(
        f"{daemon}/api/v1/actions/submit", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.loads(response.read())["decision"]
