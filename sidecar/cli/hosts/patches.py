"""Patches: which files the text of an `apply_patch` call changes, and how.

Codex and Copilot send the patch as text that begins `*** Begin Patch`; each file has a header of its own.
"""

from collections.abc import Iterator
from typing import Final

from sidecar.cli.hosts.calls import CannotTell, Object

_TEXTS: Final = ("command", "input", "patch", "patchText")
_HEADERS: Final = (
    ("*** Add File: ", "file.write"),
    ("*** Update File: ", "file.edit"),
    ("*** Delete File: ", "file.delete"),
    ("*** Move to: ", "file.write"),
)
_MOST_FILES: Final = 64


def changes(arguments: Object) -> list[tuple[str, str]]:
    """Action and path of each file. Raises CannotTell for what names none, or more than can be asked about."""
    texts = [arguments[name] for name in _TEXTS if isinstance(arguments.get(name), str)]
    found = list(dict.fromkeys(change for text in texts for change in _headers(text)))
    if not found:
        raise CannotTell("the patch names no file")
    if len(found) > _MOST_FILES:
        raise CannotTell(f"the patch changes more than {_MOST_FILES} files at once")
    return found


def _headers(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        for header, action in _HEADERS:
            if line.strip().startswith(header):
                yield action, line.strip().removeprefix(header).strip()
