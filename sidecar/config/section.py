"""What every part of the config is made of: strict sections whose keys all have a default."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from sidecar.config.units import UNITS

Name = Annotated[str, Meta(min_length=1)]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the config: every key has a default."""


def unit(type_: type, text: str) -> Any:
    """A field whose default is what the text means in that unit."""
    return msgspec.field(default_factory=lambda: UNITS[type_].parse(text))


def part(struct: type[msgspec.Struct]) -> Any:
    """A field that is a section of its own."""
    return msgspec.field(default_factory=struct)
