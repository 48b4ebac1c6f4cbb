"""Streams: everyone who wants to be told at once how agents stand, told from where orders take effect.

Who reads is told of the agents that it watches and of what hits everybody; those who may read everything, of every
order. What an order does to a watched agent is told before anything is awaited, where it names the agent, or very
many; what it does to parts of what agents do is looked at twenty times a second at most.
"""

import asyncio
import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from sidecar.core.approval import Approval
from sidecar.core.errors import SidecarError
from sidecar.core.killswitch import Kind, Order
from sidecar.core.killswitch.scope import ANY
from sidecar.core.model import Caller
from sidecar.service.killswitch.asked_by import OF_ONE_CALLER, AskedBy
from sidecar.service.killswitch.events import BEAT, BYE, MORE, Event, of_approval, of_order, of_sight
from sidecar.service.killswitch.presence import Presence
from sidecar.service.killswitch.standing import EVERYBODY
from sidecar.service.killswitch.subscription import Subscription
from sidecar.service.killswitch.watched import Watched
from sidecar.service.ports import Clock
from sidecar.service.state import State

_STREAMS: Final = 1000
# Agents that open all streams that they can take none from those who look after them.
_FOR_PEOPLE: Final = 16
_SHOWN: Final = 1000
_BEAT_EVERY: Final = 5.0
_PARTS_EVERY: Final = 0.05
_OF_MANY: Final = frozenset({Kind.ORGANIZATION, Kind.HOST, Kind.AGENTS, Kind.GROUP})


class TooManyStreams(SidecarError):
    """As many as there may be are open."""


class Streams:
    """`in_force` are the halts that hold, `limit` how many streams there may be."""

    def __init__(
        self,
        state: State,
        presence: Presence,
        asked_by: AskedBy,
        clock: Clock,
        in_force: Callable[[], Iterable[Order]],
        limit: int = _STREAMS,
    ) -> None:
        self._state = state
        self._asked_by = asked_by
        self._in_force = in_force
        self._limit = limit
        self._open: dict[Subscription, None] = {}
        self._watched = Watched(state, presence, clock)
        self._timer: asyncio.TimerHandle | None = None
        self._is_due = False
        self._is_blind = False
        asked_by.on_new(self.grow)

    def __len__(self) -> int:
        return len(self._open)

    # Readers come and go.

    def of_agents(self, caller: Caller, names: Sequence[str] = ()) -> Subscription:
        """Of these agents, `type:id`; without any, of those that the caller asks for. Raises TooManyStreams."""
        reader = self._opened(Subscription(self._part, caller.key, is_growing=not names), self._limit)
        for name in (EVERYBODY, *(names or self._asked_by.agents(caller))):
            self._watched.watch(reader, name)
        return reader

    def of_everything(self) -> Subscription:
        """Of every order; those in force come first. Raises TooManyStreams."""
        reader = self._opened(Subscription(self._part), self._limit + _FOR_PEOPLE)
        reader.push(of_sight(self._state.snapshot.halts))
        in_force = iter(self._in_force())
        for order in itertools.islice(in_force, _SHOWN):
            reader.push(of_order(order))
        if next(in_force, None) is not None:
            reader.push(MORE)
        return reader

    def grow(self, caller: str, agent: str) -> None:
        """A caller asks for an agent for the first time."""
        for reader in list(self._open):
            if reader.is_growing and reader.caller == caller and len(reader.watches) <= OF_ONE_CALLER:
                self._watched.watch(reader, agent)

    def close(self) -> None:
        """Every reader is told that nothing more comes."""
        if self._timer is not None:
            self._timer.cancel()
        for reader in list(self._open):
            reader.end(BYE)

    def _opened(self, reader: Subscription, limit: int) -> Subscription:
        if len(self._open) >= limit:
            raise TooManyStreams(f"There are {limit} event streams already.")
        if not self._open:
            self._is_blind = self._state.snapshot.halts.is_blind
        self._open[reader] = None
        return reader

    def _part(self, reader: Subscription) -> None:
        self._open.pop(reader, None)
        self._watched.part(reader)

    # Things happen.

    def ordered(self, orders: Sequence[Order]) -> None:
        """Orders have come into force."""
        if not self._open:
            return
        self._tell_everything([of_order(order) for order in orders])
        if not orders or any(order.scope.kind in _OF_MANY or order.scope.name == ANY for order in orders):
            self._watched.look_at(self._watched.all())
            return
        names = [order.scope.name for order in orders if order.scope.kind is Kind.AGENT]
        self._watched.look_at(self._watched.named(names))
        self._look_at_parts()

    def looked(self) -> None:
        """Something may have come about without an order."""
        self._watched.look_at(self._watched.all())
        halts = self._state.snapshot.halts
        if halts.is_blind is not self._is_blind:
            self._is_blind = halts.is_blind
            self._tell_everything([of_sight(halts)])

    def resolved(self, approval: Approval) -> None:
        """An approval has ended: whoever waits for it, and watches its agent, is told."""
        if not self._open or approval.used_at:
            return
        subject, caller = approval.request.subject, approval.caller.key
        for reader in self._watched.readers(f"{subject.type}:{subject.id}"):
            if reader.caller == caller:
                for decision in (approval.decision, *approval.joined):
                    reader.push(of_approval(approval, decision))

    async def run(self) -> None:
        """Show readers that the daemon is alive, until cancelled."""
        while True:
            await asyncio.sleep(_BEAT_EVERY)
            self.beat()

    def beat(self) -> None:
        for reader in list(self._open):
            reader.push(BEAT)

    def _tell_everything(self, events: Sequence[Event]) -> None:
        for reader in [reader for reader in self._open if reader.caller is None]:
            for event in events:
                reader.push(event)

    def _look_at_parts(self) -> None:
        if self._timer is not None:
            self._is_due = True
            return
        self._watched.look_at(self._watched.with_parts())
        self._timer = asyncio.get_running_loop().call_later(_PARTS_EVERY, self._after_a_while)

    def _after_a_while(self) -> None:
        self._timer = None
        if self._is_due:
            self._is_due = False
            self._look_at_parts()
