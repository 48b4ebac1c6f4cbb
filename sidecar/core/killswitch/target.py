"""The target: all the names by which a request can be hit. What is named by no text can be hit by every name."""

import re
from collections.abc import Container, Iterable, Iterator
from functools import lru_cache
from typing import Final

import msgspec

from sidecar.core.delegation import SESSION
from sidecar.core.killswitch.scope import Kind, normalized
from sidecar.core.model import JSON, Request, Subject
from sidecar.core.registry import TOOL_KEYS, TOOL_TYPES, named_tools, tools_of_action

SERVER_KEYS: Final = ("mcp_server", "mcp_server_name", "server_name")
_SERVER_TYPES: Final = frozenset({"mcp_server", "mcp"})
_BETWEEN: Final = re.compile(r"[/:.]|__")
_MCP: Final = "mcp"
_KEYS: Final = frozenset({*SERVER_KEYS, *TOOL_KEYS})
# Of so many actions it is kept what they could use, and of none with a longer name.
_KEPT: Final = 512
_KEPT_CHARS: Final = 128
_MOST_MARKS: Final = 12
# Stands for what is no string: it cannot be told from a halted name.
NO_TEXT: Final = "\x00"
EVERY_KIND: Final = frozenset(Kind)


class Target(msgspec.Struct, frozen=True, gc=False):
    """`actors` are the two names of who acts; `above` those and the names of all whom it is done for.

    `is_mcp`: a server or tool of MCP is used, whatever it is called.
    """

    actors: tuple[str, ...]
    above: tuple[str, ...]
    groups: tuple[str, ...] = ()
    session: str = ""
    servers: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    is_mcp: bool = False


def target_of(
    request: Request,
    groups: tuple[str, ...],
    ancestors: Iterable[Subject],
    kinds: Container[Kind] = EVERY_KIND,
) -> Target:
    """What of a request halts are looked up by; `groups` are those of its subject and of all above it.

    Of servers and tools only if `kinds`, those of the halts in force, have to do with them: to find them costs most.
    """
    actors = _names(request.subject)
    above: tuple[str, ...] = actors
    for subject in ancestors:
        above += _names(subject)
    session = request.context.get(SESSION) if request.context else None
    wanted = Kind.MCP_SERVER in kinds or Kind.TOOL in kinds
    used = _used(request) if wanted else _NOTHING
    return Target(
        actors,
        above,
        tuple([normalized(Kind.GROUP, group) for group in groups]) if groups else (),
        normalized(Kind.ORCHESTRATION, session) if isinstance(session, str) else "",
        used.servers,
        used.tools,
        used.is_mcp,
    )


def _used(request: Request) -> "_Used":
    """Most requests name neither a server nor a tool but by their action, of which there are few."""
    name = request.action.name
    used = _used_by(name) if len(name) <= _KEPT_CHARS else _used_by.__wrapped__(name)
    if _is_plain(request):
        return used
    servers = _servers(request)
    return _Used(
        _texts(Kind.MCP_SERVER, (*servers, *used.servers)),
        _texts(Kind.TOOL, named_tools(request)),
        bool(servers) or used.is_mcp,
    )


def _is_plain(request: Request) -> bool:
    kind = request.resource.type
    if kind in TOOL_TYPES or kind.strip().lower() in _SERVER_TYPES:
        return False
    return _KEYS.isdisjoint(request.context) and _KEYS.isdisjoint(request.action.properties)


class _Used(msgspec.Struct, frozen=True, gc=False):
    """The servers and tools of MCP that a request could be about, as in the target."""

    servers: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    is_mcp: bool = False


_NOTHING: Final = _Used()


@lru_cache(_KEPT)
def _used_by(action: str) -> _Used:
    servers = _texts(Kind.MCP_SERVER, _words(action))
    return _Used(servers, _texts(Kind.TOOL, tools_of_action(action)), _is_of_mcp(action))


def agent_target(*names: str) -> Target:
    """That of an agent which is known by its names alone."""
    plain = tuple(normalized(Kind.AGENT, name) for name in names)
    return Target(actors=plain, above=plain)


def _names(subject: Subject) -> tuple[str, str]:
    """Agents are who they say they are, to the letter."""
    kind, identity = subject.type, subject.id
    if identity.isascii() and kind.isascii():
        return identity, f"{kind}:{identity}"
    return normalized(Kind.AGENT, identity), normalized(Kind.AGENT, f"{kind}:{identity}")


def _words(action: str) -> Iterator[str | None]:
    """Whatever in the name of an action could be that of the server, first words first.

    It ends where a separator begins, and may hold separators itself. Of too many, each is taken for it: no text.
    """
    marks = [match.span() for match in _BETWEEN.finditer(action)]
    if len(marks) > _MOST_MARKS:
        yield None
        return
    for begin in (0, *(after for _, after in marks)):
        yield from (action[begin:end] for end, _ in marks if end > begin)


def _is_of_mcp(action: str) -> bool:
    first, *others = _BETWEEN.split(action, maxsplit=1)
    return bool(others) and normalized(Kind.MCP_SERVER, first) == _MCP


def _servers(request: Request) -> list[JSON]:
    parts = (request.context, request.action.properties)
    named = [part[key] for part in parts for key in SERVER_KEYS if part.get(key) is not None]
    kind = request.resource.type.strip().lower()
    return [*named, request.resource.id] if kind in _SERVER_TYPES else named


def _texts(kind: Kind, names: Iterable[JSON]) -> tuple[str, ...]:
    return tuple(
        {normalized(kind, name) if isinstance(name, str) else NO_TEXT for name in names if name != ""}
    )
