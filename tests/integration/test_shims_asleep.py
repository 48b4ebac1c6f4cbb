"""An app that was stopped, or whose machine slept, must not go by what an event stream said before."""

import os
import signal
import time

import pytest

from tests.tools.shim_drivers import LANGUAGES, Driver
from tests.tools.shim_server import ShimServer
from tests.tools.shim_vectors import VECTORS, Client

# What was sent has been read when `watch` returns, so that nothing is left to be told anew.
SILENT = next(vector for vector in VECTORS if vector.name == "silent")


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_who_wakes_after_the_silence_is_blocked_at_once(language, tmp_path):
    if missing := language.missing():
        pytest.skip(f"{', '.join(missing)}: not installed")
    driver = Driver(language.command())
    try:
        with ShimServer(SILENT, "unix", tmp_path) as server:
            driver.open(server.address, Client(agent="bot", silence=1.0))
            assert driver.say("watch") == ["watching", "clear"]
            os.kill(driver.pid, signal.SIGSTOP)
            time.sleep(1.1)
            driver.tell("blocked")
            os.kill(driver.pid, signal.SIGCONT)
            assert driver.heard() == ["blocked", "yes"]
    finally:
        driver.kill()
