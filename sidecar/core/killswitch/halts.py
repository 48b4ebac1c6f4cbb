"""Halts: what is in force, so indexed that to find what hits a request costs the same however many there are.

Part of the snapshot. A request is hit by what it does (server, tool), by who does it, and by whom it is done for.
"""

from collections.abc import Callable, Collection, Iterator
from typing import Final

import msgspec
from immutables import Map

from sidecar.core.killswitch.globs import GlobIndex
from sidecar.core.killswitch.order import Command, Order
from sidecar.core.killswitch.scope import ANY, Kind, normalized
from sidecar.core.killswitch.target import NO_TEXT, Target
from sidecar.core.policy.globs import Glob

_NOTHING: Final[Map[str, tuple[Order, ...]]] = Map()
Named = Map[str, tuple[Order, ...]]


class Halts(msgspec.Struct, frozen=True, gc=False):
    """`here` are the names of this host and `organization` that of the one it belongs to, "" for any.

    `is_blind`: nobody could say for too long what is in force; then the agents that match `blinded` are denied, all
    where that is None. `unread` are the ids of agents of whom alone that is so. `is_damaged`: what was in force is
    lost, and everything is halted.
    """

    named: Map[Kind, Named] = Map()
    globs: GlobIndex = GlobIndex()
    here: tuple[str, ...] = ()
    organization: str = ""
    is_damaged: bool = False
    is_blind: bool = False
    why_blind: str = ""
    blinded: tuple[Glob, ...] | None = None
    unread: Map[str, bool] = Map()

    @property
    def is_clear(self) -> bool:
        """Whether there is nothing to look for: the usual case."""
        return not (self.named or self.globs or self.is_blind or self.is_damaged or self.unread)

    def blinds(self, target: Target) -> bool:
        """Whether this request is one that is not decided while nobody sees the halts."""
        if not (self.is_blind or self._is_unread(target)):
            return False
        if self.blinded is None:
            return True
        return any(glob.matches(name) for glob in self.blinded for name in target.actors)

    def _is_unread(self, target: Target) -> bool:
        return bool(self.unread) and any(name in self.unread for name in target.above)

    def find(self, target: Target, now: float) -> Order | None:
        """The first halt that hits the request, widest scopes first; None if none does."""
        for orders in self._hitting(target):
            for order in orders:
                if order.holds(now):
                    return order
        return None

    def hitting(self, target: Target, now: float) -> Iterator[Order]:
        """All that hit it."""
        for orders in self._hitting(target):
            yield from (order for order in orders if order.holds(now))

    def _hitting(self, target: Target) -> Iterator[tuple[Order, ...]]:
        for kind, named in self.named.items():
            names = _NAMES[kind](self, target)
            if NO_TEXT in names:
                yield from named.values()
            for name in names:
                if orders := named.get(name):
                    yield orders
            if (everyone := named.get(ANY)) and _IS_CONCERNED[kind](target):
                yield everyone
        if self.globs:
            for actor in target.above:
                yield from self.globs.matching(actor)


def _of_organization(halts: Halts, _target: Target) -> Collection[str]:
    """A host that was not told whose it is takes every one for its own."""
    return (halts.organization,) if halts.organization else halts.named[Kind.ORGANIZATION]


def _of_orchestration(_halts: Halts, target: Target) -> tuple[str, ...]:
    return (*target.above, target.session) if target.session else target.above


_NAMES: Final[dict[Kind, Callable[[Halts, Target], Collection[str]]]] = {
    Kind.ORGANIZATION: _of_organization,
    Kind.HOST: lambda halts, _: halts.here,
    Kind.AGENT: lambda _, target: target.above,
    Kind.GROUP: lambda _, target: target.groups,
    Kind.MCP_SERVER: lambda _, target: target.servers,
    Kind.TOOL: lambda _, target: target.tools,
    Kind.ORCHESTRATION: _of_orchestration,
}
# Whether a halt for every one of the kind hits the request: wherever a halt for some one of the kind could.
_IS_CONCERNED: Final[dict[Kind, Callable[[Target], bool]]] = {
    Kind.ORGANIZATION: lambda _: True,
    Kind.HOST: lambda _: True,
    Kind.AGENT: lambda _: True,
    Kind.GROUP: lambda target: bool(target.groups),
    Kind.MCP_SERVER: lambda target: target.is_mcp or bool(target.servers),
    Kind.TOOL: lambda target: target.is_mcp or bool(target.tools),
    Kind.ORCHESTRATION: lambda _: True,
}
NO_HALTS: Final = Halts()


def with_order(halts: Halts, order: Order, before: Order | None) -> Halts:
    """The index with an order instead of the one before it, which had the same scope and origin."""
    kind, name = order.scope.kind, order.scope.name
    if kind is Kind.AGENTS:
        others = tuple(one for one in halts.globs.of(name) if one != before)
        globs = halts.globs.put(name, (*others, order) if order.command is Command.BLOCK else others)
        return msgspec.structs.replace(halts, globs=globs)
    named = halts.named.get(kind, _NOTHING)
    others = tuple(one for one in named.get(name, ()) if one != before)
    kept = (*others, order) if order.command is Command.BLOCK else others
    named = named.set(name, kept) if kept else named.delete(name) if name in named else named
    by_kind = (
        halts.named.set(kind, named) if named else halts.named.delete(kind) if kind in halts.named else None
    )
    return halts if by_kind is None else msgspec.structs.replace(halts, named=by_kind)


def name_of_organization(name: str) -> str:
    """The form in which the config's name is compared."""
    return normalized(Kind.ORGANIZATION, name)
