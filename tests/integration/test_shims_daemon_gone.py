"""Every shim with a real daemon that stops, dies, and comes back."""

import contextlib
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.tools.daemon import PATIENT, Daemon
from tests.tools.shim_drivers import LANGUAGES, Driver
from tests.tools.shim_vectors import Client

DOORS = ("decision", "decision_socket")


@pytest.fixture
def daemon(tmp_path):
    with Daemon(tmp_path, environ=PATIENT) as running:
        yield running


@pytest.fixture
def drivers():
    """Of every language that is here, so that one daemon will do for all."""
    with contextlib.ExitStack() as stack:
        running = {one.name: Driver(one.command()) for one in LANGUAGES if not one.missing()}
        for driver in running.values():
            stack.callback(driver.kill)
        yield running


def open_at(driver, daemon, door, **limits):
    address = daemon.listen[door]
    client = Client(**{"agent": "bot", "deadline": 20.0, "wait": 20.0} | limits)
    driver.open(f"unix:{address}" if address.startswith("/") else address, client)


def errors(drivers):
    """All at once, so that deadlines can be long."""
    with ThreadPoolExecutor() as pool:
        asked = pool.map(lambda driver: driver.authorize("file.read", "file:/srv/a"), drivers.values())
        return {name: told["error"] for name, told in zip(drivers, asked, strict=True)}


@pytest.mark.parametrize("door", DOORS)
def test_a_daemon_that_is_stopped_is_not_waited_for_beyond_the_deadline(daemon, drivers, door):
    for driver in drivers.values():
        open_at(driver, daemon, door, deadline=3.0, wait=3.0)
    os.kill(daemon.process.pid, signal.SIGSTOP)
    assert errors(drivers) == dict.fromkeys(drivers, "timeout")
    os.kill(daemon.process.pid, signal.SIGCONT)
    for driver in drivers.values():
        open_at(driver, daemon, door)
    assert errors(drivers) == dict.fromkeys(drivers, "")


@pytest.mark.parametrize("door", DOORS)
def test_a_daemon_that_dies_blocks_who_watches_until_it_is_back(daemon, drivers, door):
    for driver in drivers.values():
        open_at(driver, daemon, door)
        assert driver.say("watch") == ["watching", "clear"]
    daemon.stop(signal.SIGKILL)
    for driver in drivers.values():
        assert driver.say("await", "yes") == ["blocked", "yes"]
    assert errors(drivers) == dict.fromkeys(drivers, "blocked")
    for driver in drivers.values():
        driver.shut()
    assert errors(drivers) == dict.fromkeys(drivers, "unreachable")


def test_watchers_find_a_new_daemon_by_themselves(daemon, drivers):
    """By its Unix socket, whose path stays."""
    for driver in drivers.values():
        open_at(driver, daemon, "decision_socket")
        assert driver.say("watch") == ["watching", "clear"]
    daemon.stop(signal.SIGKILL)
    for driver in drivers.values():
        assert driver.say("await", "yes") == ["blocked", "yes"]
    daemon.start()
    for driver in drivers.values():
        assert driver.say("await", "no") == ["blocked", "no"]
    assert errors(drivers) == dict.fromkeys(drivers, "")
