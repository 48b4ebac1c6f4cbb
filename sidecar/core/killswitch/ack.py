"""Acknowledgements: what a daemon says of an order of the fleet, once it has stored it and enforces it."""

import hashlib
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

import msgspec

from sidecar.core.killswitch.order import Command, Order
from sidecar.core.killswitch.scope import ANY, Kind, Scope
from sidecar.core.model import Object

_AGENTS: Final = 100
_AGENTS_CHARS: Final = 8 * 1024
_ID_CHARS: Final = 32
# What the platform states without an id is known by these: no command of it could be acknowledged.
_NAMELESS: Final = frozenset({"", "platform-status", "platform-command"})


class Ack(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What there is to say of one order. Times are epoch seconds.

    `enforced_at` is 0 for a release that so far only says where to look, `stored_at` 0 until it is on disk. After a
    crash in between, `stored_at` is when the writing began.
    """

    id: str
    command: Command
    command_id: str
    scope: Scope
    received_at: float
    enforced_at: float = 0.0
    stored_at: float = 0.0

    @property
    def is_due(self) -> bool:
        return self.enforced_at > 0 and self.stored_at > 0


class Hit(msgspec.Struct, frozen=True, gc=False):
    """The agents of this host that a scope is for: how many, and the names of some, as `type:id`."""

    count: int = 0
    agents: tuple[str, ...] = ()


NOBODY: Final = Hit()


def is_nameable(order: Order) -> bool:
    """Whether its sender would know which order an acknowledgement is of."""
    return order.command_id not in _NAMELESS


def ack_id(order: Order) -> str:
    """The same however often the order comes, and from wherever."""
    return hashlib.sha256(order.identity.encode()).hexdigest()[:_ID_CHARS]


def ack_of(order: Order, enforced_at: float) -> Ack:
    """An order that states no time of its arrival came when it was enforced."""
    came = order.received_at or enforced_at
    return Ack(ack_id(order), order.command, order.command_id, order.scope, came, enforced_at)


def hit(agents: Sequence[str]) -> Hit:
    """With the first 100 names, fewer where they are long."""
    named, left = list[str](), _AGENTS_CHARS
    for agent in agents[:_AGENTS]:
        left -= len(agent)
        if left < 0:
            break
        named.append(agent)
    return Hit(len(agents), tuple(named))


def told(ack: Ack, found: Hit, host: str) -> Object:
    """What is said, in the platform's words where it has them."""
    return {
        "command_id": ack.command_id,
        "command_type": ack.command.value,
        "scope": {"kind": ack.scope.kind.value, "name": ack.scope.name},
        "host": host,
        "received_at": ack.received_at,
        "stored_at": ack.stored_at,
        "enforced_at": ack.enforced_at,
        "agents": list(found.agents),
        "agents_count": found.count,
    }


def paths(ack: Ack, found: Hit, host: str) -> list[tuple[str, str]]:
    """Whom of the platform's agents it is said for, and the path of each: there is none for hosts or groups.

    It is said for the agents of this host that are named by the order, or by being among those that it is for; where
    there is none, for the host as if it were an agent. Never for an agent that was not seen here: what is
    acknowledged may be gone from the list that the agent's own host reads.
    """
    ids = dict.fromkeys(_id(name) for name in _named(ack.scope, found.agents) or [host])
    command = quote(ack.command_id, safe="")
    return [(one, f"/api/registry/agents/{quote(one, safe='')}/commands/{command}/ack") for one in ids]


def _named(scope: Scope, agents: Sequence[str]) -> Sequence[str]:
    """An order for one agent is no command of those below it."""
    if scope.kind is not Kind.AGENT or scope.name == ANY:
        return agents
    return [name for name in agents if scope.name in (name, _id(name))]


def _id(name: str) -> str:
    """The platform knows agents without their type."""
    _, colon, rest = name.partition(":")
    return rest if colon and rest else name
