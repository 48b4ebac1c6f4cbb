"""Fields of a reply, read strictly: absent and null are the same, any other type than the one due is an error."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from math import ceil
from typing import Final

from sidecar.core.model import JSON, Object

# What may stand in a path, and is no `.` or `..`.
_ID: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}")
_LONGEST_TEXT: Final = 1024


class Malformed(ValueError):
    """The reply is not what the contract says. Its text names the field, never what it held."""


def text(reply: Mapping[str, JSON], name: str) -> str:
    """The string, cut at 1024 characters; "" for none."""
    value = reply.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"{name} is not a string")
    return shortened(value)


def shortened(value: str) -> str:
    return value[:_LONGEST_TEXT]


def texts(reply: Object, name: str) -> tuple[str, ...]:
    value = reply.get(name)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Malformed(f"{name} is not a list of strings")
    return tuple(value)


def identifier(value: JSON, name: str) -> str:
    """A whole number or a string that is safe within a path, as text; "" for none."""
    if value is None or value == "":
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return str(value)
    if isinstance(value, str) and is_identifier(value):
        return value
    raise Malformed(f"{name} is not an id")


def is_identifier(value: str) -> bool:
    """Whether it means nothing but itself within a path."""
    return bool(_ID.fullmatch(value))


def score(reply: Object) -> int | None:
    """`risk_score`, 0-100, rounded up so that a fraction never loosens."""
    value = reply.get("risk_score")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed("risk_score is not a number")
    if not 0 <= value <= 100:  # nor is NaN
        raise Malformed("risk_score is not between 0 and 100")
    return ceil(value)


def moment(reply: Object, name: str) -> float | None:
    """A time of ISO 8601 in epoch seconds; one without an offset is in UTC."""
    value = text(reply, name)
    if not value:
        return None
    try:
        found = datetime.fromisoformat(value)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise Malformed(f"{name} is not a time") from error


def mapping(reply: Object, name: str) -> None:
    if not isinstance(reply.get(name), dict | None):
        raise Malformed(f"{name} is not an object")
