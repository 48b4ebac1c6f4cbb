"""What doctor found: one line a thing that was looked at, and what to do where it is not as it should be."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from sidecar.cli.doors import Listening
from sidecar.config import Config

_MINUTE: Final = 60.0
_HOUR: Final = 3600.0
_DAY: Final = 86_400.0


class Standing(StrEnum):
    """Only a finding makes the whole fail. A note is of what works but should not stay so."""

    OK = "ok"
    NOTE = "note"
    FINDING = "finding"
    SKIPPED = "skipped"


class Found(msgspec.Struct, frozen=True):
    """`detail` never holds a secret: it names files, settings, addresses and ages."""

    check: str
    standing: Standing
    detail: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """What is looked at: a config, what its daemon wrote down of itself, and the moment, in epoch seconds."""

    config: Config
    environ: dict[str, str]
    listening: Listening
    now: float

    @property
    def state_owner(self) -> int | None:
        """The uid that the daemon runs as, which is that of its state; None before its first start."""
        try:
            return self.config.state_dir.stat().st_uid
        except OSError:
            return None


def ok(check: str, detail: str) -> Found:
    return Found(check, Standing.OK, detail)


def finding(check: str, detail: str, hint: str = "") -> Found:
    return Found(check, Standing.FINDING, detail, hint)


def note(check: str, detail: str) -> Found:
    return Found(check, Standing.NOTE, detail)


def skipped(check: str, detail: str) -> Found:
    return Found(check, Standing.SKIPPED, detail)


def unseen(check: str, path: Path, error: OSError) -> Found:
    """A file that could not be looked at. One that may not be read is no fault of the daemon's."""
    if isinstance(error, PermissionError):
        return skipped(check, f"{path}: {error.strerror}: ask again as root or as the daemon's user")
    return finding(check, f"{path}: {error.strerror}")


def span(seconds: float) -> str:
    """A length of time for people."""
    for size, word in ((_DAY, "days"), (_HOUR, "hours"), (_MINUTE, "minutes")):
        if abs(seconds) >= 2 * size:
            return f"{seconds / size:.0f} {word}"
    return f"{seconds:.0f} s"
