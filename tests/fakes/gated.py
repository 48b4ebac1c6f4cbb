"""The door of gateways on a real socket, with the services behind it; disk, time and platform are fake."""

import asyncio
import contextlib
import http.client
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from sidecar.api.forward_auth import ForwardAuth
from sidecar.api.guards import CallerGuard
from sidecar.api.http1 import HttpServer
from sidecar.api.listen import Door
from sidecar.api.message import HttpLimits
from sidecar.api.router import Router
from sidecar.service.asked import Answer, Asked
from tests.fakes.switched import AS_A, PATIENT, Switched
from tests.tools.daemon import Answer as Told
from tests.tools.daemon import UnixConnection


class NeverDecides:
    """A decider that is at work for ever."""

    async def decide(self, asked: Asked, within: float | None = None) -> Answer:
        await asyncio.get_running_loop().create_future()
        raise AssertionError("unreachable")


class Fails:
    """A decider with an error that nobody thought of."""

    async def decide(self, asked: Asked, within: float | None = None) -> Answer:
        raise ZeroDivisionError("made to fail")


@dataclass
class Gated:
    """`path` of the decision socket."""

    path: str
    server: HttpServer

    async def ask(self, target: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Told:
        """One request as a gateway makes it."""
        named = {"Host": "shop.example"} | {name.replace("_", "-"): value for name, value in headers.items()}
        return await asyncio.to_thread(self._ask, method, f"/forward-auth/{target}", body, named)

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Told:
        connection: http.client.HTTPConnection = UnixConnection(self.path)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            lowered = {name.lower(): value for name, value in response.headers.items()}
            return Told(response.status, lowered, response.read())
        finally:
            connection.close()

    async def say(self, *pieces: bytes) -> bytes:
        """What is answered to these bytes, sent one after the other."""
        reader, writer = await asyncio.open_unix_connection(self.path)
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(
                    0.01
                )  # so that it comes in pieces; nothing depends on it but what is tried
            async with asyncio.timeout(10):
                return await reader.readuntil(b"\r\n\r\n")
        finally:
            writer.close()

    def grow_old(self, seconds: float) -> None:
        self.server.sweep(asyncio.get_running_loop().time() + seconds)


@contextlib.asynccontextmanager
async def gated(house: Switched, path: str, decider: Any = None, **more: Any) -> AsyncIterator[Gated]:
    """`decider` in place of the house's own; more is that of ForwardAuth, and `limits`."""
    limits = more.pop("limits", HttpLimits())
    callers = more.pop("callers", CallerGuard(frozenset(), house.state.bound_tokens))
    given = {"reading": AS_A, "within": PATIENT, "metrics": house.metrics} | more
    forward = ForwardAuth(decider or house.decider, house.state, callers, **given)
    door = Door(Router(house.routes()), limits, callers, forward=forward).server()
    listening = await asyncio.get_running_loop().create_unix_server(door, path)
    try:
        yield Gated(path, door)
    finally:
        listening.close()
        await door.close(1.0)
