"""What is of the Bash shim alone: it runs in scripts of every strictness, and leaves nothing behind."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.tools.daemon import REPOSITORY, until
from tests.tools.shim_daemon import governed

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl: not installed")
STRICT = """
set -euo pipefail
shopt -s inherit_errexit
. shims/bash/ascend.sh
ascend_report completed || echo "none: $ASCEND_ERROR"
export ASCEND_AGENT_ID=strict
ascend_authorize read thing:t '{"a": {}}'
ascend_report completed ' { "rows" : 3 } '
ascend_report completed ' { } '
ascend_authorize drop table:users || echo "$ASCEND_ERROR: $ASCEND_REASON"
ASCEND_SIDECAR=unix:/none ascend_authorize drop table:users || echo "$ASCEND_ERROR"
ascend_watch
ascend_is_blocked || echo free
ascend_close
ascend_is_blocked && echo "not known"
ascend_authorize drop table:users
echo "not reached"
"""


@pytest.fixture(scope="module")
def house():
    with tempfile.TemporaryDirectory() as folder, governed(Path(folder)) as running:
        yield running


def script(house, code, tmp_path):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ASCEND")}
    environ = kept | {
        "ASCEND_SIDECAR": house.address("unix"),
        "ASCEND_DEADLINE": "20",
        "TMPDIR": str(tmp_path),
    }
    return subprocess.Popen(
        ["bash", "-c", code],
        cwd=REPOSITORY,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def is_running(process):
    """What has ended has no words left, even if nobody has taken note of its end yet."""
    words = Path(f"/proc/{process}/cmdline")
    return words.exists() and words.read_bytes() != b""


def test_a_strict_script_goes_on_and_ends_where_it_is_refused(house, tmp_path):
    with script(house, STRICT, tmp_path) as running:
        printed = running.stdout.read().splitlines()
    expected = ["none: invalid", "denied: Nothing is dropped.", "unreachable", "free", "not known"]
    assert (printed, running.returncode) == (expected, 1)
    assert [one.get("details") for one in house.records("outcome")] == [{"rows": 3}, None]
    assert list(tmp_path.iterdir()) == []


def test_a_script_that_is_killed_takes_its_watch_with_it(house, tmp_path):
    code = ". shims/bash/ascend.sh; ASCEND_AGENT_ID=killed; ascend_watch; echo $_ascend_watching; read -r"
    with script(house, code, tmp_path) as running:
        follower = int(running.stdout.readline())
        assert is_running(follower)
        running.send_signal(signal.SIGKILL)
        running.wait()
        until(lambda: not is_running(follower), "the follower has ended")
    until(lambda: list(tmp_path.iterdir()) == [], "its folder is gone")
