"""The outbox in memory. Tests can make every call fail."""

import msgspec

from sidecar.core.errors import StoreError
from sidecar.core.owed import Owed


class FakeOutboxStore:
    """`kept` by number, as JSON; `failing`: nothing can be put or read; `unforeseen` is raised by both."""

    def __init__(self) -> None:
        self.kept = {}
        self.through = None
        self.failing = False
        self.unforeseen = None

    async def load(self):
        return [slip for _, (slip, _) in sorted(self.kept.items())], self.through

    async def put(self, items, gone, through=None):
        self._check()
        numbers = [slip.number for slip, _ in items]
        left = self.kept.keys() - set(gone)
        if len(set(numbers)) < len(numbers) or left & set(numbers):
            raise StoreError("a number that is there already")
        for number in gone:
            self.kept.pop(number, None)
        self.kept |= {slip.number: (slip, msgspec.json.encode(item)) for slip, item in items}
        self.through = self.through if through is None else through

    async def read(self, number):
        self._check()
        found = self.kept.get(number)
        return msgspec.json.decode(found[1], type=Owed) if found else None

    async def close(self):
        pass

    def _check(self):
        if self.unforeseen is not None:
            raise self.unforeseen
        if self.failing:
            raise StoreError("made to fail")
