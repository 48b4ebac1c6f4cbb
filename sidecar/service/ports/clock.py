"""Time, as the services need it."""

from typing import Protocol


class Clock(Protocol):
    """Wall time in epoch seconds, never earlier than the newest time already on record."""

    def now(self) -> float: ...

    def raise_floor(self, seen: float) -> None:
        """Take note of a time, in epoch seconds, that a record or a signed document carries."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, for measuring durations."""
        ...
