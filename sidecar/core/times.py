"""Times as text: RFC 3339 in UTC."""

from datetime import UTC, datetime


def rfc3339(epoch: float) -> str:
    """`epoch` seconds as text with microseconds, such as 2026-01-31T09:00:00.000000Z."""
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="microseconds")[:-6] + "Z"
