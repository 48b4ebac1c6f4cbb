"""Sight: whether anybody can say now what is halted. Where nobody could for too long, agents are denied.

Two eyes. The queue's: something was received without error, and a beacon came, which went the way that orders go. The
state's: the authority was read. It begins closed, until each eye that there is has seen once; from then on one is
enough. Times are those of a clock that goes on while the machine sleeps, because what was seen before is old then.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from sidecar.service.killswitch.status import Sighted

BEACON_GAP: Final = 25.0
_NEVER: Final = float("-inf")
# Timers stand still while the machine sleeps, so none is trusted for longer.
_LONGEST_NAP: Final = 1.0
_SHORTEST_NAP: Final = 0.01


class Sight:
    """`monotonic` gives seconds. Without a queue and a state there is nothing to be blind to."""

    def __init__(
        self,
        monotonic: Callable[[], float],
        now: Callable[[], float],
        *,
        has_queue: bool,
        has_state: bool,
        blind_after: float,
        skew: float,
        beacon_gap: float = BEACON_GAP,
    ) -> None:
        """`now` gives epoch seconds; a beacon may be older by `skew`, by which clocks differ."""
        self._beacon_gap = beacon_gap
        self._monotonic = monotonic
        self._now = now
        self._has_queue = has_queue
        self._has_state = has_state
        self._blind_after = blind_after
        self._skew = skew
        self._received_at = self._beacon_at = self._confirmed_at = _NEVER
        self._newest_beacon = _NEVER
        self._has_begun = not (has_queue or has_state)
        self._until = float("inf") if self._has_begun else _NEVER
        self._why = ""
        self._listeners: list[Callable[[str], None]] = []
        self._was_blind = not self._has_begun

    def on_change(self, listener: Callable[[str], None]) -> None:
        """It is told why, once nobody sees any more, and "" once somebody does again."""
        self._listeners.append(listener)

    def blind_because(self) -> str:
        """A sentence; "" while somebody sees. It stays the same until something is seen."""
        if self._monotonic() < self._until:
            return ""
        return self._why or self._explain()

    def received(self, at: float | None = None) -> None:
        """The queue gave a proper answer, be it without messages, to a question that was asked `at`; else now."""
        self._received_at = max(self._received_at, self._monotonic() if at is None else at)
        self._look()

    def beacon(self, issued_at: float) -> None:
        """A beacon came (epoch seconds). One that is old, or was overtaken, proves nothing."""
        age = self._now() - issued_at
        if issued_at <= self._newest_beacon or not -self._skew <= age <= self._beacon_gap + self._skew:
            return
        self._newest_beacon = issued_at
        self._beacon_at = self._monotonic()
        self._look()

    def confirmed(self, at: float | None = None) -> None:
        """The authority said what is in force, to a question that was asked `at`; else now."""
        self._confirmed_at = max(self._confirmed_at, self._monotonic() if at is None else at)
        self._look()

    def signs(self) -> Sighted:
        """What was seen how long ago, for people."""
        now = self._monotonic()
        lost = (*self._missing_of_queue(now), *self._missing_of_state(now))
        return Sighted(
            received=_ago(now, self._received_at),
            beacon=_ago(now, self._beacon_at),
            confirmed=_ago(now, self._confirmed_at),
            lost=lost,
        )

    def notice(self) -> None:
        """Tell the listeners if what they were told last is no longer so."""
        why = self.blind_because()
        if bool(why) is self._was_blind:
            return
        self._was_blind = bool(why)
        for listener in self._listeners:
            listener(why)

    async def run(self) -> None:
        """Notice that nobody sees any more, though nobody asks."""
        while True:
            left = self._until - self._monotonic()
            nap = _LONGEST_NAP if left <= 0 else min(max(left, _SHORTEST_NAP), _LONGEST_NAP)
            await asyncio.sleep(nap)
            self.notice()

    def _look(self) -> None:
        self._has_begun = self._has_begun or self._may_begin()
        self._why = ""
        if self._has_begun:
            self._until = max(self._queue_until(), self._confirmed_at + self._blind_after)
        self.notice()

    def _may_begin(self) -> bool:
        if self._has_state and self._confirmed_at == _NEVER:
            return False
        if not self._has_queue:
            return True
        return self._received_at != _NEVER and (self._has_state or self._beacon_at != _NEVER)

    def _queue_until(self) -> float:
        return min(self._received_at + self._blind_after, self._beacon_at + self._beacon_gap)

    def _explain(self) -> str:
        """Said once for each time that nobody sees, so that what is shown does not change with the seconds."""
        now = self._monotonic()
        missing = [*self._missing_of_queue(now), *self._missing_of_state(now)]
        self._why = f"Nobody can say what is halted: {' and '.join(missing)}."
        return self._why

    def _missing_of_queue(self, now: float) -> list[str]:
        if not self._has_queue:
            return []
        if self._received_at == _NEVER:
            return ["nothing was ever received from the queue"]
        if now >= self._received_at + self._blind_after:
            return [f"for more than {self._blind_after:g} s nothing could be received from the queue"]
        if self._beacon_at == _NEVER:
            return ["no beacon ever came by the queue"]
        if now >= self._beacon_at + self._beacon_gap:
            return [f"for more than {self._beacon_gap:g} s no beacon came by the queue"]
        return []

    def _missing_of_state(self, now: float) -> list[str]:
        if not self._has_state:
            return []
        if self._confirmed_at == _NEVER:
            return ["the authoritative state was never read"]
        if now >= self._confirmed_at + self._blind_after:
            return [f"for more than {self._blind_after:g} s the authoritative state could not be read"]
        return []


def _ago(now: float, at: float) -> float | None:
    return None if at == _NEVER else now - at
