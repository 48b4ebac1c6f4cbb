"""What a shim adds to a bare round trip on a Unix socket: `python -m bench.shims`.

Both ask the same server, which answers each connection with the same allow and closes it. In turns, several rounds,
and the median of their medians; a driver measures, so that no process but its own is in the way.
"""

import asyncio
import multiprocessing
import statistics
import tempfile
from pathlib import Path
from typing import cast

from tests.tools.daemon import until
from tests.tools.shim_drivers import LANGUAGES, Driver, Language
from tests.tools.shim_server import render
from tests.tools.shim_vectors import Client, Given, Told

ROUNDS = 7
CALLS = 1000
_ALLOW = render(Given(told=Told("allow", "allowed", "17", "12", "It may.")))


class _Constant(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if b"\r\n\r\n" in data:
            self._transport.write(_ALLOW)
            self._transport.close()


async def _serve(path: str) -> None:
    server = await asyncio.get_running_loop().create_unix_server(_Constant, path)
    await server.serve_forever()


def _server(path: str) -> None:
    asyncio.run(_serve(path))


def measure(language: Language, folder: Path, path: str) -> tuple[float, float]:
    """Microseconds of a call through the shim, and of a bare round trip."""
    driver = Driver(language.command(folder))
    driver.open(f"unix:{path}", Client())
    driver.say("time", str(CALLS))  # to be warm
    rounds = [driver.say("time", str(CALLS))[1:] for _ in range(ROUNDS)]
    driver.shut()
    driver.close()
    through, bare = zip(*[(float(one), float(other)) for one, other in rounds], strict=True)
    return statistics.median(through), statistics.median(bare)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "s.sock")
        server = multiprocessing.Process(target=_server, args=(path,), daemon=True)
        server.start()
        until(Path(path).exists, "the server listens")
        print("| language | through the shim | bare | difference |\n|---|---|---|---|")
        for language in LANGUAGES:
            if language.name == "bash" or language.missing():
                continue
            through, bare = measure(language, Path(folder), path)
            row = (language.name, *(f"{value / 1000:.2f} ms" for value in (through, bare, through - bare)))
            print(f"| {' | '.join(row)} |")
        server.terminate()


if __name__ == "__main__":
    main()
