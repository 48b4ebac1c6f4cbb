"""Moments: times and spans as they are typed, to the second."""

from datetime import UTC, datetime, timedelta

from sidecar.cli.exits import UsageError
from sidecar.config.units import Seconds

_EPOCH = datetime.fromtimestamp(0, UTC)


def moment(option: str, text: str) -> datetime:
    """A time in RFC 3339, or seconds since 1970, without what is below a second. Raises UsageError."""
    try:
        if text.isascii() and text.isdigit():
            return _EPOCH + timedelta(seconds=int(text))
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None:
            return found.astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        pass
    raise UsageError(f"{option} `{text}` is not a time such as 2026-01-31T09:00:00Z")


def span(option: str, text: str) -> timedelta:
    """A duration of a second at least. Raises UsageError."""
    try:
        found = timedelta(seconds=int(Seconds.parse(text)))
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{option}: {error}") from error
    if not found:
        raise UsageError(f"{option} `{text}` is less than a second")
    return found


def later(option: str, start: datetime, after: timedelta) -> datetime:
    """Raises UsageError for a time that no calendar has."""
    try:
        return start + after
    except OverflowError as error:
        raise UsageError(f"{option} ends after the year 9999") from error
