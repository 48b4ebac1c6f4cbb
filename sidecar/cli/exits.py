"""Exit codes, those of sysexits.h where it has one, and the errors that only the command line knows."""

from enum import IntEnum

from sidecar.core.errors import SidecarError


class Exit(IntEnum):
    """How a verb ended. A deny and a failed check are the same to a shell script: do not go on."""

    OK = 0
    DENIED = 1
    PENDING = 2
    USAGE = 64
    UNREACHABLE = 69
    INTERNAL = 70
    IN_USE = 75
    CONFIG = 78
    INTERRUPTED = 130


class UsageError(SidecarError):
    """What was typed, or the request in it, is not something that can be asked."""


class UnreachableError(SidecarError):
    """No daemon answered, or what answered is none."""
