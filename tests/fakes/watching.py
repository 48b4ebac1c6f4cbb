"""The loop of the kill switch around a queue, a store and a log in memory, and whom it tells."""

import asyncio
import contextlib
import json
from typing import Any

from sidecar.adapters.metrics_prometheus import PrometheusMetrics
from sidecar.core.killswitch import Command, Halts, Kind, Order, Proof, scope
from sidecar.core.killswitch.wire import Beacon, Reading, Refusal, Refused
from sidecar.core.mask_table import MaskTable
from sidecar.core.masking import Masker
from sidecar.service.killswitch.backoff import Backoff
from sidecar.service.killswitch.clearing import Clearing
from sidecar.service.killswitch.intake import Intake
from sidecar.service.killswitch.refusals import Refusals
from sidecar.service.killswitch.settling import Settling
from sidecar.service.killswitch.switch import KillSwitch
from sidecar.service.killswitch.unending import unending
from sidecar.service.killswitch.watch import Watch
from sidecar.service.ports import Message, OrderFeed
from sidecar.service.state import State
from tests.fakes.clock import TurnedClock
from tests.fakes.decision_log import FakeDecisionLog
from tests.fakes.halt_store import FakeHaltStore
from tests.fakes.order_feed import FakeOrderFeed


class PlainReader:
    """Believes what it reads, as `block`, `beacon` and the others here write it. `stuck` readings never end.

    `judged` is what it has found out of late of halts that it believed without proof.
    """

    def __init__(self) -> None:
        self.judged: list[Order | Refused] = []

    async def reverify(self) -> list[Order | Refused]:
        judged, self.judged = self.judged, []
        return judged

    async def read(self, message: Message, received_at: float) -> Reading:
        told = json.loads(message.body)
        if "beacon" in told:
            return Beacon(told["beacon"], message.id)
        if "refused" in told:
            return Refused(Refusal(told.get("why", Refusal.UNTRUSTED)), told["refused"])
        if "stuck" in told:
            await asyncio.Event().wait()
        if "cancelled" in told:
            raise asyncio.CancelledError
        return Order(
            Command(told["command"]),
            scope(Kind.AGENT, told["agent"]),
            told["id"],
            proof=Proof.SIGNED,
            seq=told["seq"],
            received_at=received_at,
        )


class Sighting:
    """Whom the watch tells what it sees: with the halts that were in force when it was told."""

    def __init__(self, state: State) -> None:
        self.received_with: list[bool] = []
        self.beacons: list[float] = []
        self._state = state

    def received(self) -> None:
        self.received_with.append(not self._state.snapshot.halts.is_clear)

    def beacon(self, issued_at: float) -> None:
        self.beacons.append(issued_at)


class Looking:
    """An authority that counts how often it is asked."""

    def __init__(self) -> None:
        self.looks = 0

    def look(self) -> None:
        self.looks += 1


class Watching:
    """Everything real but disk, log, clock and, unless one is given, queue. The loop runs while it is a context."""

    def __init__(self, feed: OrderFeed | None = None, wait: float = 5.0) -> None:
        self.clock = TurnedClock()
        self.metrics = PrometheusMetrics()
        self.events: list[str] = []
        self.feed: Any = feed or FakeOrderFeed(self.events)
        self.store = FakeHaltStore(self.events)
        self.log = FakeDecisionLog(self.clock)
        self.state = State(Masker(MaskTable((), ()), b"k" * 32))
        self.sight = Sighting(self.state)
        self.authority = Looking()
        self.switch = KillSwitch(self.state, self.store, self.log, self.clock, Halts())
        self.switch.on_change(lambda changed: self.events.append("enforce"))
        refusals = Refusals(self.log, self.clock)
        clearing = Clearing(self.feed, self.switch, refusals, self.metrics, Backoff(0.05, lambda: 0.0))
        self.reader = PlainReader()
        self.settling = Settling(self.switch)
        self.intake = Intake(self.reader, self.switch, self.sight, self.authority, self.clock, self.metrics)
        self.watch = Watch(
            self.feed,
            self.intake,
            clearing,
            refusals,
            self.sight,
            self.clock,
            self.metrics,
            Backoff(0.05, lambda: 0.0),
            wait,
            self.settling.owe,
        )

    async def __aenter__(self) -> "Watching":
        await self.switch.start()
        self._task = asyncio.ensure_future(unending(self.watch.run))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    @property
    def is_running(self) -> bool:
        return not self._task.done()

    @property
    def halted(self) -> set[str]:
        return {order.scope.name for order in self.switch.in_force()}

    def count(self, name: str) -> int:
        return self.watch.status().counts[name]

    def records(self, kind: str) -> list[dict]:
        return [record for record in self.log.records if record["type"] == kind]


def block(agent: str, seq: int = 1, command: str = "BLOCK") -> str:
    """The body of an order."""
    return json.dumps({"command": command, "agent": agent, "seq": seq, "id": f"{agent}-{seq}"})


def beacon(issued_at: float) -> str:
    return json.dumps({"beacon": issued_at})


def refused(reason: str) -> str:
    return json.dumps({"refused": reason})


STUCK = json.dumps({"stuck": True})
CANCELLED = json.dumps({"cancelled": True})
