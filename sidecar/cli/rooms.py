"""Rooms: modules of the command line that are imported only when the command line asks for them.

This is the one place that imports by name. Each noun is a room, and so is judging without a daemon, because
the policy compiler takes longer to import than a running daemon takes to be asked.
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
)
LOCAL: Final = "local"


def enter(room: str) -> ModuleType:
    """The module of that name: a noun has `build()`, LOCAL is sidecar.cli.local."""
    return import_module(f"sidecar.cli.{room}")
