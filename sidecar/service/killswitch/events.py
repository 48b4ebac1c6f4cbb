"""Events: what streams tell. How an agent stands, what an order says, what became of an approval."""

from typing import Final

import msgspec

from sidecar.core.approval import Approval
from sidecar.core.killswitch import Command, Halts, Order, told_of
from sidecar.core.model import Object
from sidecar.core.times import rfc3339
from sidecar.service.killswitch.standing import EVERYBODY, Standing


class Event(msgspec.Struct, frozen=True, gc=False):
    """`word` says what happened to what is named in `about`; a beat, without a word, that nothing did."""

    word: str
    about: str = ""
    reason: str = ""
    details: Object = {}


BEAT: Final = Event("")
BYE: Final = Event("bye", reason="The daemon is stopping.")
MORE: Final = Event("more", reason="More is halted than is listed here.")
CUT: Final = Event("cut", reason="The reader is too slow.")


def of_agent(name: str, now: Standing) -> Event:
    """How an agent, `type:id`, stands from now on."""
    details: Object = {"agent": name, "blocked": now.is_blocked, "reason": now.reason or None}
    details |= {"since": rfc3339(now.since) if now.since else None, "by": now.by or None}
    return Event(now.word.value, name, now.reason, details)


def of_order(order: Order) -> Event:
    """An order that is in force, or has just ended one."""
    is_halt = order.command is Command.BLOCK
    about = f"{order.scope.kind.value}:{order.scope.name}"
    reason = told_of(order) if is_halt else ""
    return Event("halted" if is_halt else "released", about, reason, msgspec.to_builtins(order))


def of_sight(halts: Halts) -> Event:
    """Whether anybody sees what is halted."""
    word = "blind" if halts.is_blind else "sighted"
    return Event(word, EVERYBODY, halts.why_blind, {"reason": halts.why_blind or None})


def of_approval(approval: Approval, decision: int) -> Event:
    """What became of the approval that a decision waits for."""
    reason = approval.halted_because or approval.reason
    details: Object = {"decision": str(decision), "approval": approval.id, "reason": reason}
    return Event(approval.standing.value, f"decision:{decision}", reason, details)
