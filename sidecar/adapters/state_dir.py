"""The state folder: one daemon at a time."""

import fcntl
import os
import time
from pathlib import Path
from typing import Final

from sidecar.core.errors import SidecarError

_PAUSE: Final = 0.02


class StateInUseError(SidecarError):
    """Another daemon holds the state folder (exit 75)."""


def hold_state(folder: Path, patience: float = 2.0) -> int:
    """Make the folder (0700) if need be and lock it: a descriptor that holds the lock until it is closed.

    Whoever inherits the descriptor holds it too. Waits for `patience` seconds: the last daemon's writer may
    have to finish.
    Raises StateInUseError, or OSError when the folder cannot be made or written to.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(lock_in(folder), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + patience
    while not _lock(descriptor):
        if time.monotonic() > deadline:
            os.close(descriptor)
            raise StateInUseError(f"{folder} is in use by another daemon")
        time.sleep(_PAUSE)
    return descriptor


def lock_in(folder: Path) -> Path:
    """The file that is locked: it is there for as long as the folder is a daemon's."""
    return folder / "lock"


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
