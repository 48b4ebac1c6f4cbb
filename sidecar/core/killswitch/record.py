"""Records of the kill switch: each order with what came of it, and each acknowledgement."""

import msgspec

from sidecar.core.killswitch.book import Outcome
from sidecar.core.killswitch.order import Order


class OrderRecord(msgspec.Struct, frozen=True, omit_defaults=True, tag="kill_switch_order", tag_field="type"):
    """An order that was believed. Times are epoch seconds; it was in force here from `enforced_at` on."""

    order: Order
    outcome: Outcome
    enforced_at: float
    stored_at: float
    now: float


class RefusedRecord(
    msgspec.Struct, frozen=True, omit_defaults=True, tag="kill_switch_refused", tag_field="type"
):
    """A message that was not believed, or is not for this host: at most 16 KiB of it."""

    why: str
    reason: str
    message_id: str
    body: str
    now: float


class AckRecord(msgspec.Struct, frozen=True, omit_defaults=True, tag="kill_switch_ack", tag_field="type"):
    """That this daemon says what it did with an order: to whom, and which agents of its own are hit."""

    command_id: str
    received_at: float
    stored_at: float
    enforced_at: float
    agents: tuple[str, ...]
    to: str
    now: float
