"""Every shim against every vector, over each transport.

Most of a vector's time is waiting, so a language's vectors are played by several drivers at once.
"""

import queue
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.tools.shim_drivers import LANGUAGES, Driver
from tests.tools.shim_server import ShimServer
from tests.tools.shim_vectors import VECTORS

CASES = {
    f"{vector.name}-{transport}": (vector, transport) for vector in VECTORS for transport in vector.transports
}
_AT_ONCE = 6


class Played:
    """What came of a language's vectors: by the case's name, a future of what differs from the vector."""

    def __init__(self, command, cases) -> None:
        self._command = command
        self._idle: queue.SimpleQueue[Driver] = queue.SimpleQueue()
        self._pool = ThreadPoolExecutor(_AT_ONCE)
        self.results = {case: self._pool.submit(self._play, *CASES[case]) for case in cases}

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        while not self._idle.empty():
            self._idle.get().close()

    def _play(self, vector, transport):
        driver = self._driver()
        with tempfile.TemporaryDirectory() as folder, ShimServer(vector, transport, Path(folder)) as server:
            try:
                found = play(driver, server, vector)
            except BaseException:
                driver.kill()
                raise
        self._idle.put(driver)
        return found

    def _driver(self) -> Driver:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return Driver(self._command)


def play(driver, server, vector):
    """In what the driver or what it asked for differs from the vector."""
    driver.open(server.address, vector.client)
    wrong = []
    for step in vector.steps:
        if step.do == "gate":
            server.open_gate()
        elif step.do == "pause":
            time.sleep(step.seconds)
        else:
            came = driver.do(step)
            if {name: came[name] for name in step.expect} != step.expect:
                wrong.append((step.do, came, step.expect))
    driver.shut()
    return wrong + server.left()


@pytest.fixture(scope="module", params=LANGUAGES, ids=lambda language: language.name)
def played(request):
    language = request.param
    if missing := language.missing():
        pytest.skip(f"{', '.join(missing)}: not installed")
    wanted = [item.callspec.params for item in request.session.items if item.path == request.path]
    cases = [params["case"] for params in wanted if params["played"] is language]
    playing = Played(language.command(), cases)
    yield playing.results
    playing.close()


@pytest.mark.parametrize("case", CASES)
def test_a_shim_does_as_its_vector_says(played, case):
    assert played[case].result() == []
