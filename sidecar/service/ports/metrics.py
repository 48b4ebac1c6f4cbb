"""What is counted."""

from typing import Protocol

from sidecar.core.bundle import Bundle
from sidecar.core.killswitch import Order
from sidecar.core.killswitch.book import Outcome
from sidecar.core.model import Code, Decision, Door, Verdict
from sidecar.core.owed import Kind


class Metrics(Protocol):
    """Counters. A leaf: needs nothing, returns nothing."""

    def decided(self, decision: Decision, door: Door, seconds: float) -> None: ...

    def unrecorded(self, code: Code, door: Door) -> None: ...

    def gateway_refused(self, why: str) -> None:
        """A gateway was refused without a decision; `why` is one of a few words."""
        ...

    def ungoverned(self, count: int) -> None:
        """So many actions went ahead without a decision, their agent says."""
        ...

    def bundle_activated(self, bundle: Bundle, now: float) -> None: ...

    def bundle_checked(self, now: float) -> None: ...

    def bundle_refused(self, kind: str) -> None: ...

    def bundle_unstored(self) -> None: ...

    def shadowed(self, given: Verdict, candidate: Verdict) -> None:
        """A candidate was compared with an answer that was given."""
        ...

    def shadow_dropped(self) -> None: ...

    def owed_delivered(self, kind: Kind) -> None: ...

    def owed_dropped(self, kind: Kind, why: str) -> None:
        """`why`: refused by the platform, for want of room, or too old."""
        ...

    def platform_asked(self, call: str, outcome: str, seconds: float) -> None:
        """A call to the platform ended: `answered`, or why there is no answer."""
        ...

    def order_taken(self, order: Order, outcome: Outcome, now: float) -> None:
        """This came of an order of the kill switch; what was applied is enforced as of `now`."""
        ...

    def order_refused(self, why: str) -> None:
        """A message of the kill switch was not believed; `why` is one of a few words."""
        ...

    def receive_failed(self, why: str) -> None:
        """The queue of the kill switch could not be read; `why` is one of a few words."""
        ...

    def state_failed(self, why: str) -> None:
        """The authoritative state could not be read, or was not believed; `why` is one of a few words."""
        ...

    def order_acknowledged(self, to: str) -> None:
        """An order's acknowledgement is owed to `to`: `platform` or `topic`."""
        ...
