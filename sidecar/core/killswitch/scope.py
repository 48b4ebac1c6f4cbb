"""Scopes: whom a halt is for."""

from enum import StrEnum
from typing import Final
from unicodedata import normalize

import msgspec

from sidecar.core.policy.globs import compile_glob

ANY: Final = "*"
NAME_CHARS: Final = 512


class Kind(StrEnum):
    """What a scope names. `agents` is a glob; `orchestration` a session, or an agent with all below it."""

    ORGANIZATION = "organization"
    HOST = "host"
    AGENT = "agent"
    AGENTS = "agents"
    GROUP = "group"
    MCP_SERVER = "mcp_server"
    TOOL = "tool"
    ORCHESTRATION = "orchestration"


# Servers and tools are halted in whatever case they come; agents are who they say they are, to the letter.
_FOLDED: Final = frozenset({Kind.MCP_SERVER, Kind.TOOL, Kind.HOST})


class Scope(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Whom an order is for. An agent is named by its id, or as `type:id`; `*` as a name is every one of the kind."""

    kind: Kind
    name: str = ANY

    def __str__(self) -> str:
        return self.kind.value if self.name == ANY else f"{self.kind.value} {self.name}"


def scope(kind: Kind, name: str = ANY) -> Scope:
    """The scope with its name in the one form that names are compared in. Raises ValueError."""
    plain = normalized(kind, name)
    if not plain or len(plain) > NAME_CHARS:
        raise ValueError(f"the name of {kind.value} must have 1 to {NAME_CHARS} characters")
    if any(ord(character) < 32 or ord(character) == 127 for character in plain):
        raise ValueError(f"the name of {kind.value} holds a control character")
    if kind is Kind.AGENTS:
        compile_glob(plain)
    return Scope(kind, plain)


def normalized(kind: Kind, name: str) -> str:
    """The form in which names of that kind are compared."""
    if kind in _FOLDED:
        name = name.strip().lower()
    return name if name.isascii() else normalize("NFC", name)
