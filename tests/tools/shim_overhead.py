"""What a shim costs over a bare round trip on the same socket: connect, ask, read the answer, close.

Usage: python -m tests.tools.shim_overhead [--rounds N] [--calls N] [LANGUAGE ...]

Both talk to a server that answers at once with an answer of the daemon, so that nothing but the shim is between them.
"""

import argparse
import multiprocessing
import socket
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.tools.shim_drivers import LANGUAGES, Driver, Language
from tests.tools.shim_vectors import Client

LIMIT: Final = 300.0  # microseconds
# Bash starts a process for each call, so that its cost is that process's.
MEASURED: Final = ("python", "node", "go", "java", "rust")
_BODY: Final = (
    b'{"decision":true,"context":{"verdict":"allow","code":"allowed","reason":"Yes.","obligations":[]}}'
)
_ANSWER: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nX-Ascend-Verdict: allow\r\n"
    b"X-Ascend-Code: allowed\r\nX-Ascend-Risk: 30\r\nX-Ascend-Reason: Yes.\r\nX-Ascend-Id: 17\r\n\r\n%b"
) % (len(_BODY), _BODY)
_ASKED: Final = (
    b'{"subject":{"type":"agent","id":"bot"},"action":{"name":"a.b","properties":{}},'
    b'"resource":{"type":"c","id":"d"},"context":{}}'
)
_REQUEST: Final = (
    b"POST /access/v1/evaluation HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
) % (len(_ASKED), _ASKED)


def main() -> int:
    """Prints a table. 1 if a shim is over the limit."""
    parser = argparse.ArgumentParser(description="Measure what each shim adds to a round trip.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("languages", nargs="*", metavar="LANGUAGE")
    chosen = parser.parse_args()
    wanted = [one for one in LANGUAGES if one.name in (chosen.languages or MEASURED)]
    medians = _measure([one for one in wanted if not one.missing()], chosen.rounds, chosen.calls)
    bare = medians.pop("bare")
    head = f"{chosen.rounds} alternating rounds of {chosen.calls} calls, medians in microseconds"
    rows = [f"{name:8} {median:7.0f}  +{median - bare:.0f}" for name, median in medians.items()]
    sys.stdout.write("\n".join([head, f"{'bare':8} {bare:7.0f}", *rows, ""]))
    return int(any(median - bare > LIMIT for median in medians.values()))


def _measure(languages: list[Language], rounds: int, calls: int) -> dict[str, float]:
    """The median of the rounds' medians, by name."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        path = stack.enter_context(_serving(folder / "s.sock"))
        drivers = {}
        for one in languages:
            drivers[one.name] = Driver(one.command())
            stack.callback(drivers[one.name].close)
            drivers[one.name].open(f"unix:{path}", Client())
        times: dict[str, list[float]] = {"bare": [], **{name: [] for name in drivers}}
        for _ in range(rounds):
            times["bare"].append(_bare(path, calls))
            for name, driver in drivers.items():
                times[name].append(float(driver.say("measure", str(calls), "a.b", "c:d")[1]))
    return {name: statistics.median(all_rounds) for name, all_rounds in times.items()}


def _bare(path: Path, calls: int) -> float:
    took = []
    for _ in range(calls):
        began = time.perf_counter()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
            connection.sendall(_REQUEST)
            while connection.recv(65536):
                pass
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1e6


@contextmanager
def _serving(path: Path) -> Iterator[Path]:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(64)
    server = multiprocessing.get_context("fork").Process(target=_answer, args=(listener,), daemon=True)
    server.start()
    try:
        yield path
    finally:
        server.kill()
        server.join()
        listener.close()


def _answer(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        with connection:
            raw = b""
            while not raw.endswith(b"}"):
                if not (piece := connection.recv(65536)):
                    break
                raw += piece
            connection.sendall(_ANSWER)


if __name__ == "__main__":
    sys.exit(main())
