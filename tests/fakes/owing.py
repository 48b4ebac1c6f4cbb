"""The outbox in a house: everything real but disk, time and network."""

import asyncio
import contextlib

from sidecar.core.owed import Kind, Owed
from sidecar.service.delivery import Delivery
from sidecar.service.outbox import Outbox
from sidecar.service.outcomes import Outcomes
from sidecar.service.platform_post import PlatformPost
from tests.fakes.house import House
from tests.fakes.outbox_store import FakeOutboxStore

ALLOW = "rules: [{id: all, effect: allow, reason: fine}]\n"


class OwingHouse:
    """`owe` needs `writing`; `deliver` tries all whose turn it is. Chance is none."""

    def __init__(self, store=None, limit=1 << 20, age=604_800.0, rules=ALLOW, **data):
        self.house = house = House(rules, platform=True, **data)
        self.clock, self.metrics, self.counted, self.log = (
            house.clock,
            house.metrics,
            house.counted,
            house.log,
        )
        self.platform = house.platform
        self.store = store or FakeOutboxStore()
        self.outbox = Outbox(self.store, self.clock, self.metrics, limit=limit, age=age)
        self.metrics.watch_outbox(self.outbox.status)
        self.outcomes = Outcomes(
            house.log, house.decider, house.approvals, house.state, house.clock, 0.25, self.outbox
        )
        self.reach(self.platform)

    def reach(self, platform):
        """Deliver to this platform from now on."""
        self.delivery = Delivery(self.outbox, PlatformPost(platform), self.clock, 3.0, lambda: 0.0)

    @contextlib.asynccontextmanager
    async def writing(self):
        await self.outbox.start(len(self.log.lines) - 1)
        task = asyncio.create_task(self.outbox.run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def deliver(self):
        while await self.delivery.deliver():
            pass

    def item(self, number, kind=Kind.HEARTBEAT, agent="agent:a", path="/api/agents/health/heartbeat"):
        """Told apart by its number; whatever its kind, the platform takes it for a heartbeat."""
        return Owed(kind, agent, f"asc_{number}", self.clock.now(), path, {"agent_id": agent, "n": number})

    @property
    def told(self):
        """What the platform heard, as numbers."""
        return [body["n"] for body in self.platform.book.heartbeats]
