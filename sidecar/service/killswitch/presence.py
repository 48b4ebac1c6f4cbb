"""Presence: the agents that have asked this daemon, so that it can say whom an order hits. It decides nothing."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from sidecar.core.delegation import PARENT, SESSION, Lineage
from sidecar.core.killswitch import Command, Halts, Order, Scope, Target, agent_target
from sidecar.core.killswitch.halts import with_order
from sidecar.core.killswitch.scope import Kind, normalized
from sidecar.core.model import Decision, Object, Subject
from sidecar.service.asked import Asked
from sidecar.service.state import State

_AGENTS: Final = 10_000
_EACH: Final = 16
_AT_ONCE: Final = 50
_SERVER: Final = "mcp_server"


class Present(msgspec.Struct, frozen=True, gc=False):
    """An agent with what it was last seen in: sessions, servers, and the agents that it acted for, the first 16."""

    subject: Subject
    sessions: frozenset[str] = frozenset()
    servers: frozenset[str] = frozenset()
    above: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return f"{self.subject.type}:{self.subject.id}"


class Presence:
    """Bounded: the agent that was seen first is forgotten first, and known again by its next request."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._present: dict[tuple[str, str], Present] = {}

    def __len__(self) -> int:
        return len(self._present)

    def saw(self, asked: Asked, _decision: Decision, _seq: int) -> None:
        """Take note of who asked, after the answer."""
        subject, context = asked.request.subject, asked.request.context
        key = (subject.type, subject.id)
        known = self._present.get(key)
        if known is None:
            known = self._present[key] = Present(Subject(subject.type, subject.id))
            if len(self._present) > _AGENTS:
                del self._present[next(iter(self._present))]
        if context and (SESSION in context or PARENT in context or _SERVER in context):
            self._present[key] = _with(known, context, asked)

    def agents(self) -> list[str]:
        """All of them, as `type:id`."""
        return [one.name for one in self._present.values()]

    def targets(self, name: str) -> tuple[Target, Sequence[Target]]:
        """Of an agent, `type:id`: what hits whatever it does, and what hits some of what it was seen doing."""
        kind, _, identity = name.partition(":")
        whole = msgspec.structs.replace(agent_target(identity, name), groups=self._groups(name))
        one = self._present.get((kind, identity))
        has_parts = one is not None and (one.sessions or one.servers or one.above)
        return whole, self._targets(one) if one is not None and has_parts else ()

    def hit_by(self, order: Order, now: float) -> list[str]:
        """Those that the order, were it in force, would halt, as `type:id`."""
        here = self._state.snapshot.halts
        halts = with_order(Halts(here=here.here, organization=here.organization), order, None)
        present = list(self._present.values())  # more may be seen while another thread looks
        return [one.name for one in present if any(halts.find(target, now) for target in self._targets(one))]

    async def within(self, scopes: Iterable[Scope]) -> dict[Scope, list[str]]:
        """Those that each scope is for, as `type:id`: all are looked at once, a few at a time between other work."""
        here = self._state.snapshot.halts
        halts = Halts(here=here.here, organization=here.organization)
        found: dict[Scope, list[str]] = {}
        for scope in scopes:
            found[scope] = []
            halts = with_order(halts, Order(Command.BLOCK, scope, ""), None)
        for number, one in enumerate(list(self._present.values())):
            hit = {order.scope for target in self._targets(one) for order in halts.hitting(target, 0.0)}
            for scope in hit:
                found[scope].append(one.name)
            if number % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
        return found

    def _targets(self, one: Present) -> list[Target]:
        named = agent_target(one.name, one.subject.id)
        replace = msgspec.structs.replace
        named = replace(named, above=(*named.above, *one.above), groups=self._groups(one.name))
        servers = tuple(normalized(Kind.MCP_SERVER, server) for server in one.servers)
        named = replace(named, servers=servers, is_mcp=bool(servers))
        return [named, *(replace(named, session=session) for session in one.sessions)]

    def _groups(self, name: str) -> tuple[str, ...]:
        bundle = self._state.snapshot.bundle
        agent = bundle.agents.find(name) if bundle else None
        return tuple(normalized(Kind.GROUP, group) for group in agent.groups) if agent else ()


def _with(known: Present, context: Object, asked: Asked) -> Present:
    above = asked.kin.ancestors if isinstance(asked.kin, Lineage) else ()
    names = [name for subject in above for name in (subject.id, f"{subject.type}:{subject.id}")]
    return msgspec.structs.replace(
        known,
        sessions=_more(known.sessions, [context.get(SESSION)]),
        servers=_more(known.servers, [context.get(_SERVER)]),
        above=_more(known.above, names),
    )


def _more(known: frozenset[str], names: Iterable[object]) -> frozenset[str]:
    new = {name for name in names if isinstance(name, str) and name not in known}
    return known if not new or len(known) >= _EACH else known | new
