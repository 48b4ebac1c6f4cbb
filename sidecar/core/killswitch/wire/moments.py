"""Times of messages, as numbers or as text."""

from datetime import UTC, datetime
from typing import Final

from sidecar.core.model import JSON

# The last second that can be written as a date.
LATEST: Final = 253_402_300_799.0


def moment_in(value: JSON) -> float | None:
    """Epoch seconds of a number, or of an RFC 3339 text, UTC where it names no offset. None for anything else."""
    if isinstance(value, str):
        return _of_text(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= LATEST else None


def _of_text(text: str) -> float | None:
    try:
        when = datetime.fromisoformat(text)
        epoch = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return epoch if 0 <= epoch <= LATEST else None
