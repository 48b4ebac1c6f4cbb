"""Counts of what came by the queue, and how the queue fares, for health and metrics."""

from dataclasses import dataclass, field

import msgspec

from sidecar.core.killswitch.book import Outcome


class FeedStatus(msgspec.Struct, frozen=True):
    """`why` (a word) and `error` tell why nothing can be received just now, `unsettled` why nothing can be deleted;
    each is "" while it can. `last_good` is of the monotonic clock, None before the first. `counts` by name.
    """

    name: str
    why: str
    error: str
    unsettled: str
    last_good: float | None
    shared_queue_suspected: bool
    counts: dict[str, int]


@dataclass(slots=True)
class Counts:
    """Since the start. Redeliveries count again; `unread` could not be read for an error of ours, or not in time."""

    errors: int = 0
    received: int = 0
    refused: int = 0
    beacons: int = 0
    unread: int = 0
    orders: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))

    def by_name(self, unrecorded: int) -> dict[str, int]:
        """`unrecorded` were refused without a record."""
        return {
            "errors": self.errors,
            "received": self.received,
            "refused": self.refused,
            "unrecorded": unrecorded,
            "beacons": self.beacons,
            "unread": self.unread,
            **{outcome.value: count for outcome, count in self.orders.items()},
        }
