"""The desk: halts at the admin socket: what is in force, one more, one less, and whom one would hit."""

import asyncio
import heapq
from collections.abc import Sequence

import msgspec

from sidecar.core.errors import AuditError, SidecarError, StoreError
from sidecar.core.killswitch import Command, Kind, Order, Origin, Scope
from sidecar.core.killswitch.book import Book, Key
from sidecar.core.killswitch.record import ResetRecord
from sidecar.core.killswitch.scope import ANY
from sidecar.core.record import encode_record
from sidecar.service.killswitch.by_hand import local_order
from sidecar.service.killswitch.presence import Presence
from sidecar.service.killswitch.settling import Settling
from sidecar.service.killswitch.switch import KillSwitch
from sidecar.service.ports import Clock, DecisionLog
from sidecar.service.state import State

_WITHIN = 5.0
_HOW = {
    Origin.FLEET: "`killswitch publish unblock` does, or the authoritative state without it",
    Origin.SIGNAL: "SIGUSR2 to the daemon releases it",
    Origin.FILE: "it ends when the file `halt` in the state folder no longer names it",
}


class NotHere(SidecarError):
    """The halt would not be for this host at all."""


class NotHalted(SidecarError):
    """Nothing of that scope is halted."""


class NotYours(SidecarError):
    """It is halted by another origin than the admin socket, and only that releases it."""


class NotResettable(SidecarError):
    """There is nothing to give up, or something that will tell what was lost."""


class Done(msgspec.Struct, frozen=True):
    """An order that is in force. `unkept` says why it would not survive a restart, "" where it does; `others` are
    halts of the same scope that are in force besides it."""

    order: Order
    unkept: str = ""
    others: tuple[Order, ...] = ()


class Desk:
    """`has_feed`: there is an authority that will tell what is in force. `by` is always who asks, for the log."""

    def __init__(
        self,
        switch: KillSwitch,
        settling: Settling,
        presence: Presence,
        state: State,
        log: DecisionLog,
        clock: Clock,
        *,
        has_feed: bool,
    ) -> None:
        self.switch = switch
        self.settling = settling
        self._presence = presence
        self._state = state
        self._log = log
        self._clock = clock
        self._has_feed = has_feed

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names of this one."""
        return self._state.snapshot.halts.here

    @property
    def organization(self) -> str:
        return self._state.snapshot.halts.organization

    async def in_force(self, most: int) -> tuple[list[Order], int]:
        """The newest halts first, and how many there are. Aside, because with very many it takes long."""
        return await asyncio.to_thread(_newest, self.switch.book, self._clock.now(), most)

    async def block(
        self,
        scope: Scope,
        by: str,
        reason: str,
        *,
        expires_at: float | None = None,
        seconds: float | None = None,
    ) -> Done:
        """In force at once, and kept. `seconds` from now on by this host's clock. Raises NotHere."""
        now = self._clock.now()
        if seconds is not None:
            expires_at = now + seconds
        order = local_order(
            Command.BLOCK, Origin.ADMIN, self._here(scope), now, by=by, reason=reason, expires_at=expires_at
        )
        return await self._take(order)

    async def unblock(self, scope: Scope, by: str, reason: str) -> Done:
        """Release what was halted here. Raises NotHere, NotHalted, NotYours."""
        scope = self._here(scope)
        if not any(halt.origin is Origin.ADMIN for halt in self._of(scope)):
            raise self._refusal(scope)
        now = self._clock.now()
        return await self._take(local_order(Command.UNBLOCK, Origin.ADMIN, scope, now, by=by, reason=reason))

    async def reset(self, by: str, *, force: bool) -> None:
        """Go on with the halts that are known after others were lost. Raises NotResettable, StoreError, AuditError.

        On record first: who gave up is known even if the daemon dies on the way.
        """
        if not self.switch.book.is_damaged:
            raise NotResettable("nothing of what is halted was lost")
        if self._has_feed and not force:
            why = "what was lost is in the authoritative state, and everything is halted until that is read"
            raise NotResettable(f"{why}; force gives up on it")
        await self._log.append(encode_record(ResetRecord(by, force, self._clock.now())), _WITHIN)
        await self.switch.reset()

    async def affected(self, scope: Scope) -> Sequence[str]:
        """The agents that were seen here, as `type:id`, which a halt of the scope would hit."""
        now = self._clock.now()
        order = local_order(Command.BLOCK, Origin.ADMIN, scope, now, by="")
        # With ten thousand agents it takes longer than a decision may wait.
        return await asyncio.to_thread(self._presence.hit_by, order, now)

    def newest_seq(self, scope: Scope) -> int | None:
        """The number of the newest order that the fleet gave for the scope, as far as it came here."""
        newest = self.switch.book.orders.get((Origin.FLEET, scope, True))
        return newest.seq if newest else None

    async def _take(self, order: Order) -> Done:
        taken = self.switch.apply([order])
        self.settling.owe()  # whoever asks may hang up before it is kept
        unkept = ""
        try:
            await self.switch.settle(taken)
        except (StoreError, AuditError) as error:
            unkept = str(error)
        key: Key = (Origin.ADMIN, order.scope, False)
        others = tuple(halt for halt in self._of(order.scope) if halt.origin is not Origin.ADMIN)
        return Done(self.switch.book.orders.get(key, order), unkept, others)

    def _of(self, scope: Scope) -> list[Order]:
        now, orders = self._clock.now(), self.switch.book.orders
        found = (orders.get((origin, scope, numbered)) for origin in Origin for numbered in (True, False))
        return [order for order in found if order is not None and order.holds(now)]

    def _here(self, scope: Scope) -> Scope:
        """This host is every host that this daemon knows, so that it stays halted when it is renamed."""
        if scope.kind is Kind.HOST and scope.name != ANY:
            if scope.name not in self.hosts:
                raise NotHere(f"this host is {', '.join(self.hosts)}, not {scope.name}")
            return Scope(Kind.HOST)
        if (
            scope.kind is Kind.ORGANIZATION
            and self.organization
            and scope.name not in (ANY, self.organization)
        ):
            raise NotHere(f"this host belongs to {self.organization}, not to {scope.name}")
        return scope

    def _refusal(self, scope: Scope) -> NotHalted | NotYours:
        others = {halt.origin for halt in self._of(scope)}
        if not others:
            return NotHalted(f"{scope} is not halted")
        told = "; ".join(f"{origin.value}: {_HOW[origin]}" for origin in Origin if origin in others)
        return NotYours(f"{scope} was not halted here, and only its own origin releases it. {told}")


def _newest(book: Book, now: float, most: int) -> tuple[list[Order], int]:
    halts = [order for order in book.halts() if order.holds(now)]
    return heapq.nlargest(most, halts, key=lambda order: order.since), len(halts)
