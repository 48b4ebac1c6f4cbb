"""A real HTTP server of one bundle: ETags, conditional requests, and answers held back as `Prefer: wait` asks."""

import asyncio
import contextlib
import hashlib
import re
from collections.abc import AsyncIterator

from aiohttp import web


class BundleServer:
    """`token`: what a request must bear. `headers`: of each answer with a bundle. `asked`: of each request."""

    def __init__(self) -> None:
        self.body: bytes | None = None
        self.token: str | None = None
        self.headers: dict[str, str] = {}
        self.asked: list[dict[str, str]] = []
        self.waiting = 0
        self.etags = True
        self._changed = asyncio.Event()

    def put(self, body: bytes | None) -> None:
        """Another body; None for none at all."""
        self.body = body
        self._changed.set()
        self._changed = asyncio.Event()

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.headers))
        if self.token is not None and request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.Response(status=401)
        known = request.headers.get("If-None-Match")
        held = re.fullmatch(r"wait=(\d+)", request.headers.get("Prefer", ""))
        if held and known == self._etag:
            await self._hold(float(held[1]))
        if self.body is None:
            return web.Response(status=404)
        tags = {"ETag": self._etag} if self.etags else {}
        if self.etags and known == self._etag:
            return web.Response(status=304, headers=tags)
        return web.Response(
            body=self.body, headers={"Content-Type": "application/json"} | tags | self.headers
        )

    @property
    def _etag(self) -> str:
        return f'"{hashlib.sha256(self.body or b"").hexdigest()}"'

    async def _hold(self, wait: float) -> None:
        self.waiting += 1
        try:
            async with asyncio.timeout(wait):
                await self._changed.wait()
        except TimeoutError:
            pass
        finally:
            self.waiting -= 1


@contextlib.asynccontextmanager
async def serving(server: BundleServer, tls=None) -> AsyncIterator[str]:
    """The URL of the bundle while it is served, on a free port of this machine."""
    app = web.Application()
    app.router.add_get("/bundle.dsse", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        port = runner.addresses[0][1]
        yield f"{'https' if tls else 'http'}://localhost:{port}/bundle.dsse"
    finally:
        await runner.cleanup()
