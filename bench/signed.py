"""Signed bundles of the generated rules, and what verifying and compiling one costs beside a loop.

Usage: python -m bench.signed FILE KEY, which prints one JSON object: seconds, and the loop's longest hold in ms.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Final

import msgspec
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sidecar.core.bundle import Floor, Trust
from sidecar.core.bundle.assemble import decisive_files, parse_files
from sidecar.core.bundle.payload import BUNDLE_TYPE, Header, write_payload
from sidecar.core.trust import KeySet, parse_public_key, seal
from sidecar.core.trust.keys import PrivateKey
from sidecar.service.loading import Loader

TIMES: Final = 5
TICK: Final = 0.0005
VERSION: Final = "0.1.0"


class Cost(msgspec.Struct, frozen=True):
    """Of one loading: `seconds` from bytes to bundle, `hold` the longest that the loop could not turn, in ms."""

    seconds: float
    hold: float


class Publisher:
    """Signs the rules of a folder under one revision after the other, with a key of its own."""

    def __init__(self, folder: Path) -> None:
        files = {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*.yaml")}
        self._documents = parse_files(decisive_files(files, dict(_default_tables())))
        self.signer = PrivateKey(Ed25519PrivateKey.generate())
        self._revision = 0

    @property
    def key(self) -> str:
        """The public key, as a config file has it."""
        return self.signer.public.text

    def next(self) -> bytes:
        """The next revision, good for a day."""
        self._revision += 1
        now = datetime.now(UTC).replace(microsecond=0)  # noqa: TID251 - a bundle is issued now
        header = Header(
            name="default", revision=self._revision, issued_at=now, expires_at=now + timedelta(days=1)
        )
        body = write_payload(header, self._documents)
        return msgspec.json.encode(seal(BUNDLE_TYPE, body, (self.signer,)))


class _Ticker:
    """Turns with the loop, and notes the longest time that it did not come to its turn, in seconds."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def run(self) -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(TICK)
            now = time.perf_counter()
            self.longest, last = max(self.longest, now - last - TICK), now


async def cost(raw: bytes, key: str) -> Cost:
    """Load the bundle a few times beside a ticking loop: the median time, and the longest hold of all."""
    trust = Trust("default", KeySet((parse_public_key(key),)), VERSION)
    loader, ticker = Loader(trust, {}, ()), _Ticker()
    took: list[float] = []
    ticking = asyncio.ensure_future(ticker.run())
    for _ in range(TIMES):
        began = time.perf_counter()
        bundle = await loader.load(raw, "bench", Floor(), time.time(), None)
        took.append(time.perf_counter() - began)
        await _let_go(bundle.policies.parts() if bundle else [])
    ticking.cancel()
    return Cost(sorted(took)[len(took) // 2], ticker.longest * 1000)


async def _let_go(parts: list[object]) -> None:
    while parts:
        del parts[-50:]
        await asyncio.sleep(0)


def _default_tables() -> Iterator[tuple[str, bytes]]:
    for file in (resources.files("sidecar") / "defaults" / "data").iterdir():
        if file.name.endswith(".yaml"):
            yield f"data/{file.name}", file.read_bytes()


if __name__ == "__main__":
    print(msgspec.json.encode(uvloop.run(cost(Path(sys.argv[1]).read_bytes(), sys.argv[2]))).decode())
