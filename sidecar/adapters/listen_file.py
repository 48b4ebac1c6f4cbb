"""`listen.json`: the addresses in use, for the processes of this machine that look for the daemon."""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec


def write_listen_file(path: Path, addresses: Mapping[str, str | int]) -> None:
    """Replace the file whole, so that a reader never sees half of it."""
    draft = path.with_suffix(".tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(addresses) + b"\n")
    draft.replace(path)


def remove_listen_file(path: Path) -> None:
    """A stopped daemon is found by nobody."""
    path.unlink(missing_ok=True)
