"""Acknowledging: what is due is recorded, then owed to all who want to hear of it, then known as given.

Each step is on disk before the next begins. A crash in between repeats steps, under the same ids, and skips none.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sidecar.core.errors import AuditError, StoreError
from sidecar.core.killswitch.ack import Ack, Hit, hit
from sidecar.core.killswitch.record import ack_record
from sidecar.core.owed import Owed
from sidecar.core.record import encode_record
from sidecar.service.killswitch.presence import Presence
from sidecar.service.killswitch.switch import KillSwitch
from sidecar.service.outbox import Outbox
from sidecar.service.ports import Clock, DecisionLog, Metrics

_log = logging.getLogger(__name__)
_AT_ONCE: Final = 50
_AGAIN: Final = 1.0
_WITHIN: Final = 5.0


@dataclass(frozen=True, slots=True)
class Listener:
    """Who hears of orders: `name` stands in records, `kind` in metrics; `items` are what it is owed for one."""

    name: str
    kind: str
    outbox: Outbox
    items: Callable[[Ack, Hit, float], Sequence[Owed]]


@dataclass(frozen=True, slots=True)
class _Owing:
    listener: Listener
    ack: Ack
    hit: Hit

    @property
    def key(self) -> tuple[str, str]:
        return (self.listener.kind, self.ack.id)


class Acknowledging:
    """Acknowledges to every listener, each at its own outbox's pace."""

    def __init__(
        self,
        switch: KillSwitch,
        presence: Presence,
        log: DecisionLog,
        clock: Clock,
        metrics: Metrics,
        listeners: Sequence[Listener],
    ) -> None:
        self._switch = switch
        self._presence = presence
        self._log = log
        self._clock = clock
        self._metrics = metrics
        self._listeners = listeners
        self._recorded: set[tuple[str, str]] = set()
        self._owed: set[tuple[str, str]] = set()
        self._problem = ""

    async def run(self) -> None:
        """Acknowledge until cancelled."""
        while True:
            await self.catch_up()
            await self._switch.answers.news(_AGAIN)

    async def catch_up(self) -> None:
        """All that is due now. What cannot be recorded or kept stays due, and keeps nothing else from being given."""
        problem = ""
        due = self._switch.answers.due()
        for start in range(0, len(due), _AT_ONCE):
            try:
                await self._give(due[start : start + _AT_ONCE])
            except (AuditError, StoreError) as error:
                problem = str(error)
        if problem and problem != self._problem:
            _log.warning("orders are not acknowledged for now: %s", problem)
        self._problem = problem

    async def _give(self, acks: Sequence[Ack]) -> None:
        agents = await self._presence.within({ack.scope for ack in acks})
        hits = {ack.id: hit(agents[ack.scope]) for ack in acks}
        todo = [
            _Owing(listener, ack, hits[ack.id])
            for listener in self._listeners
            for ack in acks
            if (listener.kind, ack.id) not in self._owed
        ]
        await self._record([one for one in todo if one.key not in self._recorded])
        came = await asyncio.gather(*(self._owe(one) for one in todo), return_exceptions=True)
        for error in came:
            if error is not None:
                raise error
        await self._switch.acknowledged([ack.id for ack in acks])
        keys = [(listener.kind, ack.id) for listener in self._listeners for ack in acks]
        self._owed.difference_update(keys)
        self._recorded.difference_update(keys)

    async def _record(self, owing: Sequence[_Owing]) -> None:
        now = self._clock.now()
        appended = [
            self._log.append(encode_record(ack_record(one.ack, one.hit, one.listener.name, now)), _WITHIN)
            for one in owing
        ]
        for one, durable in zip(owing, appended, strict=True):
            await durable
            self._recorded.add(one.key)

    async def _owe(self, one: _Owing) -> None:
        await one.listener.outbox.owe(*one.listener.items(one.ack, one.hit, self._clock.now()))
        self._metrics.order_acknowledged(one.listener.kind)
        self._owed.add(one.key)
