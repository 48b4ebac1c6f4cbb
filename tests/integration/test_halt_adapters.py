"""Signals as the kernel keeps them, the sentinel file as it lies there, and users by name."""

import json
import os
import subprocess
import sys

import pytest

from sidecar.adapters.halt_file import SentinelFile
from sidecar.adapters.users import name_of_user
from sidecar.service.ports import Sentinel
from tests.tools.daemon import REPOSITORY

# In a process of their own: the test's other threads would take the signals.
SIGNALS = """
import json, os, signal, threading
from sidecar.adapters.halt_signals import PendingSignals, keep_signals
keep_signals()
threading.Thread(target=threading.Event().wait, daemon=True).start()
for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGUSR1):
    os.kill(os.getpid(), number)
found = [PendingSignals().pending(), PendingSignals().pending()]
print(json.dumps([os.getpid(), [[(s.name, s.halts, s.uid, s.pid) for s in one] for one in found]]))
"""
NO_FILES = """
import resource, sys
from pathlib import Path
from sidecar.adapters.halt_file import SentinelFile
resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
print(SentinelFile(Path(sys.argv[1], "halt"), 10, Path(sys.argv[1], "lock")).look())
"""


def look(folder):
    return SentinelFile(folder / "halt", 3, folder / "lock").look()


def ran(script, *arguments):
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout


def test_signals_wait_to_be_looked_at_with_who_sent_them_and_halts_come_last():
    pid, looks = json.loads(ran(SIGNALS))
    uid = os.getuid()
    assert looks == [[["SIGUSR2", False, uid, pid], ["SIGUSR1", True, uid, pid]], []]


def test_a_file_that_is_not_there_is_seen_without_a_descriptor(tmp_path):
    (tmp_path / "lock").touch()
    assert ran(NO_FILES, str(tmp_path)) == "None\n"


def test_no_more_is_read_than_shows_that_it_is_too_much(tmp_path):
    (tmp_path / "halt").write_bytes(b"12345678")
    assert look(tmp_path) == Sentinel(b"1234", owner=os.getuid())


def test_what_is_no_file_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "halt")
    assert look(tmp_path) == Sentinel(None, "it is no file", os.getuid())


@pytest.mark.parametrize("there", ["folder is a file", "no folder", "another folder"])
def test_without_its_folder_nobody_knows_whether_it_is_there(tmp_path, there):
    folder = tmp_path / "state"
    if there == "folder is a file":
        folder.touch()
    if there == "another folder":
        folder.mkdir()
    found = look(folder)
    assert found is not None
    assert found.raw is None


def test_users_are_known_by_name_where_the_host_knows_them():
    assert name_of_user(0) == "root"
    assert name_of_user(2**31 - 7) == ""
