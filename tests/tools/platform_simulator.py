"""The ASCEND platform on this machine: its contract over HTTP, with what goes wrong on demand.

By hand: `python -m tests.tools.platform_simulator --port 9000`. Actions named `deny.*` are denied, `hold.*` held;
`POST /operator/approvals/ar-1` with `{"status": "approved"}` or `rejected` resolves a hold;
`POST /operator/halt` and `/operator/release` work the kill switch, of one agent with `{"agent_id": "a"}`. The signed
state of halts is at `/api/sdk/kill-switch/state`, by the key that is printed. It ends after an hour.
"""

import argparse
import asyncio
import contextlib
import hashlib
import hmac
import json
import ssl
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from tests.fakes.platform_book import Body, Judged, PlatformBook
from tests.tools.platform_faults import Fault

STATE_PATH = "/api/sdk/kill-switch/state"
_SKEW = 300.0
_NEEDED = ("X-Correlation-ID", "X-Request-Timestamp", "X-Environment", "User-Agent", "Content-Type")


@dataclass(frozen=True)
class Heard:
    """One request as it arrived; header names as they were written."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    peer: Any


class PlatformSimulator:
    """`heard` is every request. While `faults` has any, each request takes the first; `fault` is for all others.

    `ahead`: seconds that its clock is ahead of ours.
    """

    def __init__(self, book: PlatformBook | None = None, signing_secret: str | None = None) -> None:
        self.book = book or PlatformBook()
        self.signing_secret = signing_secret
        self.heard: list[Heard] = []
        self.faults: list[Fault] = []
        self.fault: Fault | None = None
        self.ahead = 0.0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        peer = request.transport.get_extra_info("peername") if request.transport else None
        body = await request.read()
        self.heard.append(Heard(request.method, request.path_qs, dict(request.headers), body, peer))

        async def answer() -> web.StreamResponse:
            if request.path == STATE_PATH:
                return self._state(request)
            status, told = self._answer(request, body)
            return web.Response(status=status) if status == 204 else web.json_response(told, status=status)

        fault = self.faults.pop(0) if self.faults else self.fault
        return await (fault(request, answer) if fault else answer())

    def _state(self, request: web.Request) -> web.Response:
        """The signed state of halts: anybody may read it, and nobody can forge it."""
        raw = self.book.halts.document(time.time())
        etag = f'"{hashlib.sha256(raw).hexdigest()}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag})
        return web.Response(body=raw, headers={"ETag": etag, "Content-Type": "application/json"})

    def _operate(self, path: str, told: Body) -> tuple[int, Any]:
        """What operators do: `approvals/ID` with a status; `halt` and `release` with `agent_id`, or for everyone."""
        what, _, which = path.removeprefix("/operator/").partition("/")
        agent, reason = told.get("agent_id"), told.get("reason", "by an operator")
        if what == "approvals":
            self.book.resolve(which, told["status"], "operator")
        elif what == "halt":
            self.book.halt(agent, reason) if agent else self.book.block(reason)
        elif what == "release":
            self.book.release(agent) if agent else self.book.unblock()
        return 200, {"success": True}

    def _answer(self, request: web.Request, raw: bytes) -> tuple[int, Any]:
        if request.path.startswith("/operator/"):
            return self._operate(request.path, json.loads(raw or b"{}"))
        if request.headers.get("X-API-Key") not in self.book.keys:
            return 401, {"detail": "Invalid API key"}
        missing = [name for name in _NEEDED if not request.headers.get(name)]
        if missing:
            return 400, {"detail": f"{missing[0]} is missing"}
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            return 400, {"detail": "not JSON"}
        if body and self.signing_secret and not self._is_signed(request, body):
            return 401, {"detail": "wrong signature"}
        return self.book.answer(request.method, request.path, body, request.headers["X-Correlation-ID"])

    def _is_signed(self, request: web.Request, body: Body) -> bool:
        timestamp = request.headers["X-Request-Timestamp"]
        age = datetime.now(UTC) + timedelta(seconds=self.ahead) - datetime.fromisoformat(timestamp)
        payload = f"{timestamp}.{json.dumps(body, sort_keys=True)}"
        assert self.signing_secret is not None
        digest = hmac.new(self.signing_secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
        is_same = hmac.compare_digest(request.headers.get("X-Signature", ""), f"v1={digest}")
        return is_same and abs(age.total_seconds()) < _SKEW


@contextlib.asynccontextmanager
async def serving(
    simulator: PlatformSimulator, tls: ssl.SSLContext | None = None, port: int = 0
) -> AsyncIterator[str]:
    """Its base URL, on this machine only; a free port unless one is given."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", simulator.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls)
        await site.start()
        yield f"{'https' if tls else 'http'}://localhost:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def by_name(body: Body) -> Judged:
    """The rule of demonstrations: the name of the action says what becomes of it."""
    kind = str(body["action_type"]).partition(".")[0]
    words = {"deny": Judged("denied", 95, "denied by name"), "hold": Judged("pending", 70, "held by name")}
    return words.get(kind, Judged())


async def _demonstrate(port: int, key: str, signing_secret: str | None, seconds: float) -> None:
    book = PlatformBook(by_name, {key})
    async with serving(PlatformSimulator(book, signing_secret), port=port) as url:
        sys.stdout.write(f"simulated platform at {url}, key {key}\n")
        sys.stdout.write(f"state of halts at {url}{STATE_PATH}, signed by {book.halts.signer.public.text}\n")
        sys.stdout.flush()
        await asyncio.sleep(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description="The ASCEND platform, simulated on this machine.")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--key", default="ask_test", help="the API key that may ask")
    parser.add_argument("--signing-secret", help="refuse bodies that are not signed with it")
    parser.add_argument("--seconds", type=float, default=3600.0, help="when it ends by itself")
    given = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_demonstrate(given.port, given.key, given.signing_secret, min(given.seconds, 86400.0)))


if __name__ == "__main__":
    main()
