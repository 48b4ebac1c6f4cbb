"""A daemon's way from an order to its acknowledgement, in a process of its own that a test can kill at any moment.

`python -m tests.tools.acking_process FOLDER COUNT` takes the orders 0 to COUNT - 1 from a queue that forgets what is
named in FOLDER/deleted, writes what the reply topic hears into FOLDER/heard, and ends when all is told.
"""

import asyncio
import json
import sys
from pathlib import Path

from sidecar.adapters.clock import SystemClock
from sidecar.adapters.metrics_prometheus import PrometheusMetrics
from sidecar.adapters.sqlite import HaltsSqlite, OutboxSqlite
from sidecar.core.killswitch import Halts
from sidecar.core.masking import Masker
from sidecar.core.owed import Fate, order_reply
from sidecar.service.delivery import Delivery
from sidecar.service.killswitch.acks import Acknowledging, Listener
from sidecar.service.killswitch.answers import Answers
from sidecar.service.killswitch.presence import Presence
from sidecar.service.killswitch.switch import KillSwitch
from sidecar.service.outbox import Outbox
from sidecar.service.ports import Told
from sidecar.service.state import State
from tests.fakes.acking import RULES, order
from tests.fakes.audit import opened, until
from tests.tools.bundles import bundle


class Paper:
    """The Recipient that writes down what it hears; and the queue's memory of what was deleted."""

    def __init__(self, folder):
        self._heard = (folder / "heard").open("a", buffering=1)
        self._deleted = (folder / "deleted").open("a", buffering=1)

    async def tell(self, item, within):
        self._heard.write(json.dumps([item.body["command_id"], item.id]) + "\n")
        return Told(Fate.DELIVERED)

    def delete(self, number):
        self._deleted.write(f"{number}\n")


async def take_all(folder, count):
    state, clock, metrics = folder / "state", SystemClock(), PrometheusMetrics()
    deleted = {int(line) for line in (folder / "deleted").read_text().split()}
    paper = Paper(folder)
    async with opened(state, clock=clock) as log:
        cell = State(Masker(bundle(RULES).masking, b"k" * 32))
        answers = Answers(is_asked=True)
        switch = KillSwitch(cell, HaltsSqlite(state), log, clock, Halts(), answers=answers)
        outbox = Outbox(OutboxSqlite(state, "replies.db"), clock, metrics, limit=1 << 24, age=604_800.0)
        listener = Listener(
            "the topic", "topic", outbox, lambda ack, hit, now: [order_reply(ack, hit, "host-1", "log", now)]
        )
        acks = Acknowledging(switch, Presence(cell), log, clock, metrics, [listener])
        await switch.start()
        await outbox.start(-1)
        loops = (outbox.run(), Delivery(outbox, paper, clock, 3.0, lambda: 0.0, 1).run(), acks.run())
        tasks = [asyncio.ensure_future(loop) for loop in loops]
        for number in range(count):
            if number not in deleted:
                await switch.take([order(f"c-{number}", name=f"bot-{number % 7}", seq=number)])
                paper.delete(number)
        await until(lambda: not answers.due() and not outbox.status().count, 60.0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await outbox.close()
        await switch.close()


if __name__ == "__main__":
    asyncio.run(take_all(Path(sys.argv[1]), int(sys.argv[2])))
