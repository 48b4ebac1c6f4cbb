"""Inputs: files that an option names, read whole and bounded."""

from pathlib import Path
from typing import BinaryIO

from sidecar.cli.exits import UsageError


def read_input(option: str, file: str, limit: int, stdin: BinaryIO | None = None) -> bytes:
    """The bytes of a file, or of `stdin` for `-` where that is taken. Raises UsageError naming the option."""
    try:
        if file == "-" and stdin is not None:
            raw = stdin.read(limit + 1)
        else:
            with Path(file).open("rb") as opened:
                raw = opened.read(limit + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"{option} {file}: {getattr(error, 'strerror', None) or error}") from error
    if len(raw) > limit:
        raise UsageError(f"{option} {file}: larger than {limit} bytes")
    return raw
