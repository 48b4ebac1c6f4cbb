"""A kill switch that acknowledges, with a real store of halts; network, log and time are in memory.

A daemon that is killed is one whose parts are dropped: the next house takes up what its disks hold.
"""

import asyncio
import contextlib

from sidecar.adapters.metrics_prometheus import PrometheusMetrics
from sidecar.adapters.sqlite import HaltsSqlite
from sidecar.core.delegation import Lineage
from sidecar.core.killswitch import Command, Halts, Kind, Order, Proof, Scope
from sidecar.core.masking import Masker
from sidecar.core.model import Action, Caller, Door, Request, Resource, Subject
from sidecar.core.owed import Fate, order_acknowledgements, order_reply
from sidecar.service.asked import Asked
from sidecar.service.delivery import Delivery
from sidecar.service.killswitch.acks import Acknowledging, Listener
from sidecar.service.killswitch.answers import Answers
from sidecar.service.killswitch.presence import Presence
from sidecar.service.killswitch.status import Reporter
from sidecar.service.killswitch.switch import KillSwitch
from sidecar.service.outbox import Outbox
from sidecar.service.platform_post import PlatformPost
from sidecar.service.ports import Told
from sidecar.service.state import State
from tests.fakes.clock import TurnedClock
from tests.fakes.decision_log import FakeDecisionLog
from tests.fakes.outbox_store import FakeOutboxStore
from tests.fakes.platform import FakePlatform
from tests.tools.bundles import bundle

HOST = "host-1"
RULES = "rules: [{id: all, effect: allow, reason: fine}]\n"


class Killed(BaseException):
    """kill -9, at a step of which the test knows the number."""


class Steps:
    """Everything that reaches a disk is two steps: before it does, and after. The `last` one is the end."""

    def __init__(self, last=None):
        self.last = last
        self.count = 0
        self.is_dead = False

    def step(self):
        self.count += 1
        if self.is_dead or self.count == self.last:
            self.is_dead = True
            raise Killed


class Stepping:
    """A store or log in front of which, and behind which, the daemon can be killed; `failing` makes puts fail."""

    def __init__(self, disk, steps):
        self._disk = disk
        self._steps = steps
        self.failing = None

    def __getattr__(self, name):
        return getattr(self._disk, name)

    async def put(self, *given):
        self._steps.step()
        if self.failing is not None:
            raise self.failing
        await self._disk.put(*given)
        self._steps.step()

    def append(self, body, within):
        self._steps.step()
        durable = self._disk.append(body, within)
        self._steps.step()
        return durable


class FakeTopic:
    """The Recipient that keeps what it is told in `heard`; `fate` is what comes of it."""

    def __init__(self):
        self.heard = []
        self.fate = Fate.DELIVERED

    async def tell(self, item, within):
        if self.fate is Fate.DELIVERED:
            self.heard.append(item)
        return Told(self.fate, "made so")


class AckHouse:
    """`left`: the house whose disks, network and time this one takes over."""

    def __init__(self, folder, left=None, last_step=None, limit=1 << 20, is_asked=True):
        self.steps = Steps(last_step)
        self.clock = left.clock if left else TurnedClock()
        self.disk_log = left.disk_log if left else FakeDecisionLog(self.clock)
        self.log = Stepping(self.disk_log, self.steps)
        self.metrics = PrometheusMetrics()
        self.topic = left.topic if left else FakeTopic()
        self.platform = left.platform if left else FakePlatform()
        self.state = State(Masker(bundle(RULES).masking, b"k" * 32))
        self.halts = Stepping(HaltsSqlite(folder), self.steps)
        answers = Answers(is_asked=is_asked)
        self.switch = KillSwitch(
            self.state, self.halts, self.log, self.clock, Halts(), answers=answers, metrics=self.metrics
        )
        self.presence = Presence(self.state)
        self.reporter = Reporter(self.switch, self.state, self.clock, lambda: self.metrics.orders_refused)
        self.metrics.watch_killswitch(self.reporter.status)
        self.stores = left.stores if left else (FakeOutboxStore(), FakeOutboxStore())
        self.outboxes = [
            Outbox(Stepping(store, self.steps), self.clock, self.metrics, limit=limit, age=604_800.0)
            for store in self.stores
        ]
        self.deliveries = [
            Delivery(outbox, to, self.clock, 3.0, lambda: 0.0, 1)
            for outbox, to in zip(self.outboxes, (PlatformPost(self.platform), self.topic), strict=True)
        ]
        self.acks = Acknowledging(
            self.switch, self.presence, self.log, self.clock, self.metrics, self._listeners()
        )

    def _listeners(self):
        return [
            Listener(
                "platform",
                "platform",
                self.outboxes[0],
                lambda ack, hit, now: order_acknowledgements(ack, hit, HOST, "log", now),
            ),
            Listener(
                "the topic",
                "topic",
                self.outboxes[1],
                lambda ack, hit, now: [order_reply(ack, hit, HOST, "log", now)],
            ),
        ]

    @contextlib.asynccontextmanager
    async def running(self):
        """The outboxes are written meanwhile. A kill ends the block with Killed."""
        tasks = []
        try:
            await self.switch.start()
            for outbox in self.outboxes:
                await outbox.start(-1)
                tasks.append(asyncio.create_task(outbox.run()))
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.halts.close()

    async def catch_up(self):
        """All that is due is given and delivered. Raises Killed where a part of the daemon was."""
        giving = asyncio.create_task(self.acks.catch_up())
        while not giving.done():
            if self.steps.is_dead:
                giving.cancel()
            await asyncio.sleep(0)
        if self.steps.is_dead:
            raise Killed
        await giving
        await self.deliver()

    async def deliver(self):
        """Whatever has its turn; what arrived is struck out on disk."""
        for delivery in self.deliveries:
            while await delivery.deliver():
                pass
        for outbox in self.outboxes:
            await outbox.write()

    def seen(self, agent, above=(), **context):
        """An agent has asked, for those `above` it."""
        ancestors = tuple(Subject("agent", name) for name in above)
        its = Request(Subject("agent", agent), Action("read"), Resource("thing", "t"), context)
        asked = Asked(its, Caller(), Door.ASCEND, kin=Lineage(ancestors) if above else None)
        self.presence.saw(asked, None, 0)

    def records(self, kind):
        return [record for record in self.disk_log.records if record["type"] == kind]

    def counted(self, sample):
        return sample in self.metrics.render().decode().splitlines()


def order(command_id="c-1", command=Command.BLOCK, kind=Kind.AGENT, name="bot", **more):
    given = {"proof": Proof.SNS, "issued_at": 1_699_999_999.0, "received_at": 1_700_000_000.0} | more
    return Order(command, Scope(kind, name), command_id, **given)
