"""Units: `250ms` and `64MiB` as numbers that know how to be written."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from sidecar.core.loopback import is_loopback

_MILLISECONDS: Final = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_BYTES: Final = {"TiB": 1 << 40, "GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10, "B": 1}
_DURATION: Final = r"([0-9]{1,9})(ms|s|m|h|d)"
_SIZE: Final = r"([0-9]{1,9})(B|KiB|MiB|GiB|TiB)"
_ADDRESS: Final = r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:\s/]*):[0-9]{1,5}"
_MODE: Final = r"0[0-7]{3}"


class Seconds(float):
    """A duration in seconds, to the millisecond."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError unless `text` is a whole number with one of the units ms, s, m, h, d."""
        return cls(
            _amount(_DURATION, text, _MILLISECONDS, "a duration such as 250ms, 30s, 15m or 24h") / 1000
        )

    def __str__(self) -> str:
        return _written(round(self * 1000), _MILLISECONDS, "0s")


class Size(int):
    """A size in bytes."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError unless `text` is a whole number with one of the units B, KiB, MiB, GiB, TiB."""
        return cls(_amount(_SIZE, text, _BYTES, "a size such as 512B, 256KiB, 64MiB or 4GiB"))

    def __str__(self) -> str:
        return _written(int(self), _BYTES, "0B")


class Mode(int):
    """Permission bits of a socket."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError unless `text` is octal with a leading zero, such as 0660."""
        if not re.fullmatch(_MODE, text):
            raise ValueError(f"`{text[:64]}` is not a mode in octal such as 0660")
        return cls(int(text, 8))

    def __str__(self) -> str:
        return f"0{int(self):03o}"


class Address(str):
    """A TCP address, `host:port`. An empty host is every address of the machine; port 0 picks a free one."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError unless `text` is host:port with a port of at most 65535."""
        if not re.fullmatch(_ADDRESS, text) or int(text.rpartition(":")[2]) > 65535:
            raise ValueError(f"`{text[:64]}` is not an address such as 127.0.0.1:8181 or [::1]:8181")
        return cls(text)

    @property
    def host(self) -> str:
        return self.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.rpartition(":")[2])

    @property
    def dialled(self) -> str:
        """Where this machine reaches it: every address is also a loopback one."""
        loopback = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - nothing is bound
        return f"{loopback[self.host]}:{self.port}" if self.host in loopback else str(self)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it; a name other than localhost could be anywhere."""
        return is_loopback(self.host)


@dataclass(frozen=True, slots=True)
class Unit:
    """How text becomes a value: `parse` raises ValueError; `pattern` is that of its JSON Schema."""

    parse: Callable[[str], Any]
    pattern: str
    examples: tuple[str, ...]


def _parse_path(text: str) -> Path:
    """Made absolute, because sockets are found by processes with other working folders."""
    if not text or "\0" in text:
        raise ValueError("a path must not be empty")
    return Path(os.path.abspath(text))  # noqa: PTH100 - Path.absolute() keeps `..`


UNITS: Final[Mapping[type, Unit]] = {
    Seconds: Unit(Seconds.parse, _DURATION, ("250ms", "30s", "15m", "24h")),
    Size: Unit(Size.parse, _SIZE, ("256KiB", "64MiB", "4GiB")),
    Mode: Unit(Mode.parse, _MODE, ("0660",)),
    Address: Unit(Address.parse, _ADDRESS, ("127.0.0.1:8181", "[::1]:8181")),
    Path: Unit(_parse_path, ".+", ("/var/lib/ascend-sidecar",)),
}


def _amount(pattern: str, text: str, units: Mapping[str, int], form: str) -> int:
    match = re.fullmatch(pattern, text)
    if match is None:
        raise ValueError(f"`{text[:64]}` is not {form}")
    return int(match[1]) * units[match[2]]


def _written(amount: int, units: Mapping[str, int], nothing: str) -> str:
    """With the largest unit that leaves a whole number."""
    fitting = (f"{amount // size}{unit}" for unit, size in units.items() if amount and amount % size == 0)
    return next(fitting, nothing)
