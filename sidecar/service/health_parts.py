"""The parts of a health report."""

from enum import StrEnum

import msgspec


class Status(StrEnum):
    """Of a part, and of the whole, which is as well as its worst part."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILING = "failing"


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """One part: what is wrong where something is, and ages in seconds."""

    name: str
    status: Status
    detail: str = ""
    facts: dict[str, str | float | int] = {}
