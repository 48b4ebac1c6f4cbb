"""The store of halts in memory. Tests can make its writes fail or hang, and see when they happen."""

import asyncio

from sidecar.core.errors import DamagedStore, StoreError
from sidecar.core.killswitch import Order
from sidecar.core.killswitch.book import Key, key_of
from sidecar.service.ports import Epoch, HaltChange, KeptHalts


class FakeHaltStore:
    """`failing`: nothing can be put; `damaged`: what is there cannot be believed. `events` is what was done.

    `unforeseen` is raised by every put.
    """

    def __init__(self, events: list[str] | None = None) -> None:
        self.failing = False
        self.unforeseen: Exception | None = None
        self.damaged = False
        self.is_damaged = False
        self.orders: dict[Key, Order] = {}
        self.seen: list[str] = []
        self.epoch = Epoch()
        self.acks = {}
        self.acknowledged = {}
        self.events = events if events is not None else []
        self._free = asyncio.Event()
        self._free.set()

    def hang(self) -> None:
        self._free.clear()

    def release(self) -> None:
        self._free.set()

    async def load(self) -> KeptHalts | None:
        if self.damaged:
            raise DamagedStore("made to be damaged")
        if not (self.orders or self.seen or self.is_damaged):
            return None
        return KeptHalts(
            tuple(self.orders.values()),
            tuple(self.seen),
            self.epoch,
            self.is_damaged,
            tuple(self.acks.values()),
            tuple(self.acknowledged),
        )

    async def put(self, change: HaltChange) -> None:
        await asyncio.sleep(0)
        await self._free.wait()
        if self.unforeseen is not None:
            raise self.unforeseen
        if self.failing:
            raise StoreError("made to fail")
        if change.orders:
            self.events.append("store")
        self.acks |= {ack.id: ack for ack in change.acks if ack.id not in self.acknowledged}
        self.acknowledged |= dict.fromkeys(change.acknowledged)
        self.acks = {name: ack for name, ack in self.acks.items() if name not in self.acknowledged}
        self.orders |= {key_of(order): order for order in change.orders}
        self.seen += change.seen
        self.epoch = change.epoch or self.epoch
        self.is_damaged = self.is_damaged if change.is_damaged is None else change.is_damaged

    async def quarantine(self) -> str:
        self.orders, self.seen, self.epoch = {}, [], Epoch()
        self.damaged, self.is_damaged = False, True
        return "aside"

    async def close(self) -> None:
        self.release()
