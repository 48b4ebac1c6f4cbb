"""The book of what is owed: in which order, how much, and what goes first where there is no room.

Items stand in lanes, one an agent; the first of a lane is told before the second leaves. A lane is at work, ready, or
waits for its time. An item that fails while others get through moves to a lane of its own, and blocks nobody.
"""

import heapq
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from sidecar.core.owed import Kind, Owed
from sidecar.service.ports import Slip

# What an item takes up here and on disk besides its content.
_OVERHEAD: Final = 512


class Plan(msgspec.Struct, frozen=True):
    """What comes of items that are to be owed. `outdated` and `crowded_out` go; there is no room for `refused`."""

    entered: tuple[tuple[Slip, Owed], ...]
    refused: tuple[Owed, ...]
    outdated: tuple[Slip, ...]
    crowded_out: tuple[Slip, ...]


class OutboxBook:
    """All that is owed, by number; at most `limit` bytes, which only what was promised may fill."""

    def __init__(self, limit: int) -> None:
        self.bytes = 0
        self._limit = limit
        self._next = 1
        self._slips: OrderedDict[int, Slip] = OrderedDict()
        self._spare: OrderedDict[int, Slip] = OrderedDict()
        self._beats: dict[str, Slip] = {}
        self._lanes: dict[str, OrderedDict[int, None]] = {}
        self._lane_of: dict[int, str] = {}
        self._ready: OrderedDict[str, None] = OrderedDict()
        self._waiting: list[tuple[float, str]] = []
        self._busy: set[str] = set()

    def __len__(self) -> int:
        return len(self._slips)

    @property
    def oldest(self) -> Slip | None:
        return next(iter(self._slips.values()), None)

    def plan(self, items: Sequence[Owed]) -> Plan:
        """What is to be written so that these are owed. Changes nothing but the numbers that are given out."""
        room, spare = self._limit - self.bytes, iter(self._spare.values())
        entered, refused = list[tuple[Slip, Owed]](), list[Owed]()
        outdated, crowded_out = dict[int, Slip](), dict[int, Slip]()
        for item in _latest(items):
            size = len(msgspec.json.encode(item)) + _OVERHEAD
            beat = self._beats.get(item.agent) if item.kind is Kind.HEARTBEAT else None
            if beat is not None and beat.number not in crowded_out:
                outdated[beat.number] = beat
                room += beat.bytes
            room += _make_room(size - room, spare, outdated, crowded_out)
            if size > room:
                refused.append(item)
                continue
            room -= size
            entered.append((Slip(self._next, item.kind, item.agent, item.owed_at, size), item))
            self._next += 1
        return Plan(tuple(entered), tuple(refused), tuple(outdated.values()), tuple(crowded_out.values()))

    def enter(self, slip: Slip) -> None:
        self._next = max(self._next, slip.number + 1)
        self._slips[slip.number] = slip
        self.bytes += slip.bytes
        if slip.kind.is_spare:
            self._spare[slip.number] = slip
        if slip.kind is Kind.HEARTBEAT:
            self._beats[slip.agent] = slip
        self._append(slip.number, slip.agent)

    def strike(self, number: int) -> bool:
        """Whether it was still owed."""
        slip = self._slips.pop(number, None)
        if slip is None:
            return False
        self.bytes -= slip.bytes
        self._spare.pop(number, None)
        if self._beats.get(slip.agent) is slip:
            del self._beats[slip.agent]
        self._remove(number)
        return True

    def older_than(self, moment: float) -> list[Slip]:
        """Those that were owed before that time, in epoch seconds."""
        found = []
        for slip in self._slips.values():
            if slip.owed_at >= moment:
                break
            found.append(slip)
        return found

    def take(self, now: float) -> Slip | None:
        """The first item of a lane whose turn it is, and which is at work from now on; `now` on any steady clock."""
        while self._waiting and self._waiting[0][0] <= now:
            self._set_ready(heapq.heappop(self._waiting)[1])
        if not self._ready:
            return None
        lane, _ = self._ready.popitem(last=False)
        self._busy.add(lane)
        return self._slips[next(iter(self._lanes[lane]))]

    def give_back(self, lane: str, due: float = 0.0) -> None:
        """The lane of an item that was taken has its turn again: at once, or when it is due."""
        self._busy.discard(lane)
        if lane in self._lanes and due:
            self._busy.add(lane)
            heapq.heappush(self._waiting, (due, lane))
        elif lane in self._lanes:
            self._ready[lane] = None

    def lane_of(self, number: int) -> str:
        """Where an item stands that is still owed."""
        return self._lane_of[number]

    def step_over(self, number: int, due: float) -> bool:
        """Let those behind it pass: from now on it waits by itself, until it is due. False if it does already."""
        lane = f"{self._slips[number].agent} {number}" if number in self._slips else ""
        if not lane or self._lane_of[number] == lane:
            return False
        self._remove(number)
        self._busy.add(lane)
        self._append(number, lane)
        heapq.heappush(self._waiting, (due, lane))
        return True

    def _set_ready(self, lane: str) -> None:
        self._busy.discard(lane)
        if lane in self._lanes:
            self._ready[lane] = None

    def _append(self, number: int, lane: str) -> None:
        self._lanes.setdefault(lane, OrderedDict())[number] = None
        self._lane_of[number] = lane
        if lane not in self._busy:
            self._ready[lane] = None

    def _remove(self, number: int) -> None:
        lane = self._lane_of.pop(number)
        del self._lanes[lane][number]
        if not self._lanes[lane]:
            del self._lanes[lane]
            self._ready.pop(lane, None)


def _latest(items: Sequence[Owed]) -> Iterator[Owed]:
    """Without the heartbeats that others among them outdate."""
    last = {item.agent: item for item in items if item.kind is Kind.HEARTBEAT}
    return (item for item in items if item.kind is not Kind.HEARTBEAT or last[item.agent] is item)


def _make_room(
    lacking: int, spare: Iterator[Slip], outdated: dict[int, Slip], crowded_out: dict[int, Slip]
) -> int:
    """The bytes that become free when the oldest that nobody was promised go."""
    freed = 0
    while freed < lacking and (slip := next(spare, None)) is not None:
        if slip.number not in outdated:
            crowded_out[slip.number] = slip
            freed += slip.bytes
    return freed
