"""A house with a kill switch, its listeners and its doors, wired as the daemon wires them; disk and time are fake."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

from sidecar.api.approvals import ApprovalsDoor
from sidecar.api.ascend_identity import for_agents
from sidecar.api.authzen import AuthZen
from sidecar.api.decisions import Decisions
from sidecar.api.events import Events
from sidecar.api.forward_auth import ForwardAuth
from sidecar.api.forward_auth_request import Reading
from sidecar.api.guards import CallerGuard
from sidecar.api.http1 import HttpServer
from sidecar.api.listen import Door
from sidecar.api.message import HttpLimits
from sidecar.api.router import Router
from sidecar.api.ungoverned import UngovernedDoor
from sidecar.api.wire import Route
from sidecar.core.errors import StoreError
from sidecar.core.ijson import JsonLimits
from sidecar.core.killswitch import Command, Halts, Kind, Order, Origin, scope
from sidecar.daemon.ascend import ascend_routes
from sidecar.service.advice import Advice
from sidecar.service.killswitch.asked_by import AskedBy
from sidecar.service.killswitch.commands import Commands
from sidecar.service.killswitch.endings import Endings
from sidecar.service.killswitch.presence import Presence
from sidecar.service.killswitch.streams import Streams
from sidecar.service.killswitch.switch import KillSwitch, Taken
from sidecar.service.killswitch.vigil import Vigil
from sidecar.service.ports import HaltChange, KeptHalts
from sidecar.service.search import Search
from sidecar.service.ungoverned import Ungoverned
from tests.fakes.house import House

HOST = "this-host"
AS_A = Reading(subject=("agent", "a"))
# Seconds to answer in, beyond what a busy machine needs.
PATIENT = 5.0


class HaltsInMemory:
    """A HaltStore; `failing`: nothing can be put."""

    def __init__(self) -> None:
        self.orders: dict[object, Order] = {}
        self.failing = False

    async def load(self) -> KeptHalts | None:
        return KeptHalts(list(self.orders.values())) if self.orders else None

    async def put(self, change: HaltChange) -> None:
        if self.failing:
            raise StoreError("made to fail")
        self.orders |= {(one.origin, one.scope, one.seq is None): one for one in change.orders}

    async def quarantine(self) -> str:
        return "aside"

    async def close(self) -> None:
        pass


class Switched(House):
    """`blind` says why nobody sees what is halted; "" while somebody does. `limit` is that of streams."""

    def __init__(self, rules: str, limit: int = 1000, **more) -> None:
        super().__init__(rules, **more)
        self.blind = ""
        self.state.watch_sight(lambda: self.blind)
        self.halt_store = HaltsInMemory()
        self.switch = KillSwitch(
            self.state, self.halt_store, self.log, self.clock, Halts(here=(HOST,), organization="acme")
        )
        self.presence, self.asked_by = Presence(self.state), AskedBy()
        self.listeners += [self.presence.saw, self.asked_by.saw]
        self.endings = Endings(self.approvals, self.halting, self.state)
        self.streams = Streams(
            self.state, self.presence, self.asked_by, self.clock, self.switch.in_force, limit
        )
        self.vigil = Vigil(self.state, self.clock)
        for listener in (self.endings.ordered, self.streams.ordered, self.vigil.ordered):
            self.switch.on_change(listener)
        for looker in (self.endings.blinded, self.streams.looked):
            self.vigil.on_change(looker)
        self.approvals.on_resolved(self.streams.resolved)
        self._numbers = itertools.count(1)

    async def order(self, command: Command, kind: Kind, name: str, **more) -> list[Taken]:
        now = self.clock.now()
        given = {"origin": Origin.ADMIN, "reason": "It went rogue.", "issued_by": "ann"} | more
        order = Order(
            command, scope(kind, name), f"c{next(self._numbers)}", issued_at=now, received_at=now, **given
        )
        return list(await self.switch.take([order]))

    async def block(self, kind: Kind = Kind.AGENT, name: str = "a", **more) -> Order:
        (taken,) = await self.order(Command.BLOCK, kind, name, **more)
        return taken.order

    async def release(self, kind: Kind = Kind.AGENT, name: str = "a", **more) -> None:
        await self.order(Command.UNBLOCK, kind, name, **more)

    async def sweep(self) -> None:
        """What `endings.run` does at each turn."""
        await self.endings.sweep(self.endings.taken())

    def routes(self) -> tuple[Route, ...]:
        """Those of the decision doors."""
        limits = JsonLimits()
        advice = Advice(self.state, self.log, self.clock, self.orchestration, 0.25)
        search = Search(self.state, self.log, self.clock, self.orchestration, 0.25)
        commands = Commands(self.state, self.presence, self.log, self.clock, 0.25)
        ascend = ascend_routes(
            self.repeats,
            self.outcomes,
            self.waiting,
            advice,
            self.orchestration.sessions,
            self.state,
            self.clock,
            limits,
            None,
            None,
            self.presence,
            commands,
        )
        return (
            *AuthZen(self.decider, search, limits, 100, "http://test").routes(),
            *ascend,
            *for_agents(ascend),
            *Decisions(self.outcomes, limits, 50.0).routes(),
            *UngovernedDoor(
                Ungoverned(self.log, self.state, self.metrics, 0.25), self.clock, limits
            ).routes(),
            *Events(self.streams, self.state).routes(),
        )

    def forward(self, callers: CallerGuard, reading: Reading = AS_A, within: float = PATIENT) -> ForwardAuth:
        """The door of gateways, to whom all that they hold is of the agent a."""
        return ForwardAuth(self.decider, self.state, callers, reading, within, self.metrics)

    def people_routes(self) -> tuple[Route, ...]:
        approvals = ApprovalsDoor(self.ballots, JsonLimits(), 50.0).routes()
        return (*approvals, *Events(self.streams, self.state).routes_of_everything())


class Doors:
    """`url` of the decision door; `people` is the path of the approvals socket."""

    def __init__(self, url: str, people: str, servers: tuple[HttpServer, ...]) -> None:
        self.url = url
        self.people = people
        self._servers = servers

    def sweep(self, later: float = 0.0) -> None:
        """As if so many seconds had passed."""
        for server in self._servers:
            server.sweep(asyncio.get_running_loop().time() + later)


@contextlib.asynccontextmanager
async def open_doors(
    house: Switched, folder: Path, limits: HttpLimits = HttpLimits()
) -> AsyncIterator[Doors]:
    """The doors on real sockets, with the loops of the kill switch."""
    loop = asyncio.get_running_loop()
    callers = CallerGuard(frozenset(), house.state.bound_tokens)
    decision = Door(Router(house.routes()), limits, callers, forward=house.forward(callers)).server()
    people = Door(Router(house.people_routes()), limits).server()
    path = str(folder / "people.sock")
    tcp = await loop.create_server(decision, "127.0.0.1", 0)
    unix = await loop.create_unix_server(people, path)
    loops = [asyncio.create_task(one) for one in (house.endings.run(), house.vigil.run())]
    try:
        yield Doors(f"http://127.0.0.1:{tcp.sockets[0].getsockname()[1]}", path, (decision, people))
    finally:
        house.streams.close()
        for task in loops:
            task.cancel()
        for server, protocol in ((tcp, decision), (unix, people)):
            server.close()
            await protocol.close(1.0)
