"""Intake: what the messages of one batch do. All are read beside each other, and no one is a matter of the others."""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import Any, Final, Protocol

from sidecar.core.killswitch import Order
from sidecar.core.killswitch.book import Outcome
from sidecar.core.killswitch.wire import Beacon, Reading, Refusal, Refused
from sidecar.service.killswitch.clearing import Owed
from sidecar.service.killswitch.counts import Counts
from sidecar.service.killswitch.sharing import Sharing
from sidecar.service.killswitch.sight import BEACON_GAP
from sidecar.service.killswitch.switch import KillSwitch
from sidecar.service.killswitch.unproven import Unproven
from sidecar.service.ports import Clock, Message, Metrics

_logger = logging.getLogger(__name__)
# A message whose reading waits, for a certificate perhaps, holds the others of its batch up for so long, ...
_SOON: Final = 0.1
# ... and the next poll for so long.
_LONGEST: Final = 5.0
# A message that cannot be read for an error of ours is given up after so many receives, and kept in the log.
_ATTEMPTS: Final = 10
_UNREADABLE: Final = "unreadable"
# It may be a halt all the same: in a form that is not known, or of a certificate that somebody keeps from us.
_UNPROVEN: Final = frozenset({Refusal.UNVERIFIED, Refusal.NO_CERTIFICATE})

Read = tuple[Message, "asyncio.Task[Reading]"]


class Reader(Protocol):
    """Who knows what a message means, and whether to believe it."""

    def read(self, message: Message, received_at: float) -> Coroutine[Any, Any, Reading]:
        """`received_at` is in epoch seconds."""
        ...

    async def reverify(self) -> Sequence[Order | Refused]:
        """What can be judged by now of the halts that were believed without proof."""
        ...


class Sighted(Protocol):
    """Who must know that the queue is seen."""

    def received(self) -> None:
        """It gave a proper answer just now, and what that brought is in force."""
        ...

    def beacon(self, issued_at: float) -> None: ...


class Authority(Protocol):
    """Who knows what is in force."""

    def look(self) -> None:
        """Read it at once."""
        ...


class Intake:
    """`look` asks the authority, where there is one: for hints, and where something seems to be missing."""

    def __init__(
        self,
        reader: Reader,
        switch: KillSwitch,
        sight: Sighted,
        authority: Authority | None,
        clock: Clock,
        metrics: Metrics,
        beacon_gap: float = BEACON_GAP,
    ) -> None:
        self.counts = Counts()
        self.sharing = Sharing(clock.monotonic(), beacon_gap)
        self._unproven = Unproven(switch)
        self._reader = reader
        self._switch = switch
        self._sight = sight
        self._authority = authority
        self._clock = clock
        self._metrics = metrics

    def look(self) -> None:
        if self._authority is not None:
            self._authority.look()

    async def take(self, messages: Sequence[Message]) -> list[Owed]:
        """Read and enforce; what is in force now, or has no effect, and is to be settled."""
        self.counts.received += len(messages)
        for message in messages:
            self.sharing.message(message, self._clock.monotonic())
        now = self._clock.now()
        pending = [(message, asyncio.ensure_future(self._reader.read(message, now))) for message in messages]
        owed: list[Owed] = []
        try:
            for patience in (_SOON, _LONGEST):
                if pending:
                    await asyncio.wait([task for _, task in pending], timeout=patience)
                    owed += self._enforce([one for one in pending if one[1].done()])
                    pending = [one for one in pending if not one[1].done()]
        finally:
            for _, task in pending:
                task.cancel()
        for message, _ in pending:
            self._give_up(message, "it took too long", owed)
        return owed

    def _enforce(self, done: Sequence[Read]) -> list[Owed]:
        """All orders at once, without awaiting anything."""
        owed: list[Owed] = []
        orders: list[Order] = []
        for message, task in done:
            if problem := _problem(task):
                self._give_up(message, problem, owed)
            elif isinstance(found := task.result(), Order):
                orders.append(found)
                owed.append(Owed(message, is_order=True))
            elif isinstance(found, Beacon):
                owed.append(Owed(message))
                self._beacon(found)
            else:
                self._refuse(message, found, owed)
        self._apply(orders)
        return owed

    def _apply(self, orders: Sequence[Order]) -> None:
        if not orders:
            return
        for taken in self._switch.apply(self._unproven.bounded(orders)):
            self.counts.orders[taken.outcome] += 1
            is_gap = self.sharing.order(taken.order, self._clock.monotonic())
            if is_gap or taken.outcome is Outcome.HINT:
                self.look()

    async def reverify(self) -> bool:
        """Prove the halts that were believed without proof; whether that is owed to the disk.

        A forged one stays in force: what releases it is the authority, and never a message.
        """
        judged = await self._reader.reverify()
        for refused in (one for one in judged if isinstance(one, Refused)):
            _logger.error("a halt that was believed without proof was forged: %s", refused.reason)
            self._metrics.order_refused(refused.why.value)
            self.look()
        proven = [one for one in judged if isinstance(one, Order)]
        self._apply(proven)
        return bool(proven)

    def _beacon(self, beacon: Beacon) -> None:
        self.counts.beacons += 1
        self._sight.beacon(beacon.issued_at)
        if self.sharing.beacon(beacon.issued_at, self._clock.monotonic()):
            self.look()

    def _refuse(self, message: Message, refused: Refused, owed: list[Owed]) -> None:
        self.counts.refused += 1
        self._metrics.order_refused(refused.why.value)
        if refused.why in _UNPROVEN:
            self.look()
        owed.append(Owed(message, why=refused.why.value, reason=refused.reason))

    def _give_up(self, message: Message, problem: str, owed: list[Owed]) -> None:
        """Not at once: it may be a halt. The authority knows."""
        self.counts.unread += 1
        _logger.error("message %s of the kill switch could not be read: %s", message.id, problem)
        self.look()
        if message.number >= _ATTEMPTS:
            self._metrics.order_refused(_UNREADABLE)
            owed.append(Owed(message, why=_UNREADABLE, reason=problem[:500]))


def _problem(task: "asyncio.Task[Reading]") -> str:
    """Why there is nothing read; "" where there is. One that awaited what was cancelled is cancelled itself."""
    if task.cancelled():
        return "its reading was cancelled"
    error = task.exception()
    return "" if error is None else repr(error)
