"""Rooms: modules of the command line that are imported only when the command line asks for them.

This is the one place that imports by name. Each noun is a room, and so is judging without a daemon, because
the policy compiler takes longer to import than a running daemon takes to be asked; and so are typer's side of the
command line and the answer to a hook, which is started for every tool call and does without typer.
"""

from importlib import import_module
from types import ModuleType
from typing import Final

NOUNS: Final = (
    "serve",
    "check",
    "status",
    "doctor",
    "policy",
    "bundle",
    "audit",
    "approvals",
    "killswitch",
    "config",
    "hook",
)
LOCAL: Final = "local"
MAIN: Final = "main"
HOOKED: Final = "hosts.answering"


def enter(room: str) -> ModuleType:
    """The module of that name: a noun has `build()`; the others are sidecar.cli.local, .main and .hosts.answering."""
    return import_module(f"sidecar.cli.{room}")
