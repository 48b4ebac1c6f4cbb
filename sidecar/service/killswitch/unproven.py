"""Unproven: halts that were believed without proof, of which there may be so many and no more.

Whoever can write to the queue can forge one for as long as no certificate can be had, each of them for another agent,
and each stays until the authority ends it. Nobody is let through for that: beyond the limit there is one for all.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from sidecar.core.killswitch import Command, Kind, Order, Origin, Proof, Scope
from sidecar.service.killswitch.switch import KillSwitch

MOST: Final = 1000
_ALL: Final = Scope(Kind.ORGANIZATION)


class Unproven:
    """`most` scopes at once are halted without proof."""

    def __init__(self, switch: KillSwitch, most: int = MOST) -> None:
        self._switch = switch
        self._most = most
        self._scopes: set[Scope] = set()

    def bounded(self, orders: Sequence[Order]) -> list[Order]:
        """The orders, and in the place of each that is one too many the halt of all, by the same id."""
        if len(self._scopes) >= self._most:
            self._count()
        return [self._bounded(order) for order in orders]

    def _bounded(self, order: Order) -> Order:
        if order.proof is not Proof.PROVISIONAL or order.command is not Command.BLOCK:
            return order
        if order.scope not in self._scopes and len(self._scopes) >= self._most:
            return msgspec.structs.replace(order, scope=_ALL, expires_at=None)
        self._scopes.add(order.scope)
        return order

    def _count(self) -> None:
        """Anew: some may be proven by now, or over."""
        in_force = self._switch.in_force([Origin.FLEET])
        self._scopes = {order.scope for order in in_force if order.proof is Proof.PROVISIONAL} - {_ALL}
