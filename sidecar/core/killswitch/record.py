"""Records of the kill switch: each order with what came of it, each acknowledgement, and what people gave up."""

import msgspec

from sidecar.core.killswitch.ack import Ack, Hit
from sidecar.core.killswitch.book import Outcome
from sidecar.core.killswitch.order import Command, Order
from sidecar.core.killswitch.scope import Scope
from sidecar.core.model import Caller


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


class ResetRecord(msgspec.Struct, frozen=True, omit_defaults=True, tag="kill_switch_reset", tag_field="type"):
    """That somebody gave up on what was lost of the halts: from now on only what is known is halted."""

    by: str
    forced: bool
    now: float


class AckRecord(msgspec.Struct, frozen=True, omit_defaults=True, tag="kill_switch_ack", tag_field="type"):
    """That it is owed to `to` what this daemon did with an order, and which agents of its own it is for.

    Times are epoch seconds; `id` is the same however often it is said, `agents` are the first of `agents_count`.
    """

    id: str
    command: Command
    command_id: str
    scope: Scope
    received_at: float
    stored_at: float
    enforced_at: float
    agents: tuple[str, ...]
    agents_count: int
    to: str
    now: float


def ack_record(ack: Ack, found: Hit, to: str, now: float) -> AckRecord:
    return AckRecord(
        ack.id,
        ack.command,
        ack.command_id,
        ack.scope,
        ack.received_at,
        ack.stored_at,
        ack.enforced_at,
        found.agents,
        found.count,
        to,
        now,
    )


class AgentAckRecord(
    msgspec.Struct, frozen=True, omit_defaults=True, tag="kill_switch_agent_ack", tag_field="type"
):
    """That an agent, `type:id`, says that it has taken note of an order in force for it, and who said so for it."""

    command_id: str
    agent: str
    caller: Caller
    now: float
