"""What the decider is asked and what it answers, and the record that keeps both."""

from collections.abc import Awaitable, Callable

import msgspec

from sidecar.core.delegation import Delegated, Kin
from sidecar.core.killswitch import Halts
from sidecar.core.model import Caller, Decision, Door, Request
from sidecar.core.platform import Scored, Unavailable
from sidecar.core.record import DecisionRecord, Hold, Trace
from sidecar.core.scoring import Facts
from sidecar.service.consult import Consulted
from sidecar.service.ports import Receipt


class Asked(msgspec.Struct, frozen=True, gc=False):
    """A request with what the door knows of it. `via` is the header (RFC 9110 7.6.3) that it came with.

    `kin` is for the decider to find: of the decision that the request was delegated under.
    """

    request: Request
    caller: Caller
    door: Door
    trace: Trace = Trace()
    via: str = ""
    kin: Kin = None


class Answer(msgspec.Struct, frozen=True, gc=False):
    """A decision with its durable record; `receipt` is None only where none could be written."""

    decision: Decision
    receipt: Receipt | None = None
    hold: Hold | None = None


class Begun(msgspec.Struct, frozen=True, gc=False):
    """A decision that is made and handed to the log, but not yet given.

    `is_new`: of an action that nothing was decided of yet. `halts` are those that it was judged under, and `again`
    judges it once more, given the answer that it would have been.
    """

    asked: Asked
    decision: Decision
    hold: Hold | None
    consulted: Consulted | None
    durable: Awaitable[Receipt]
    started: float
    halts: Halts
    again: Callable[[Answer], "Begun"]
    delegated: Delegated | None = None
    is_new: bool = True


def record_of(
    asked: Asked,
    decision: Decision,
    consulted: Consulted | None,
    first: Answer | None,
    facts: Facts,
    delegated: Delegated | None,
) -> DecisionRecord:
    """The record of a decision; `first` is the answer that it repeats."""
    repeats = first.receipt.seq if first and first.receipt else None
    if consulted is None and facts is None and delegated is None:
        return DecisionRecord(asked.door, asked.caller, asked.request, decision, None, asked.trace, repeats)
    return DecisionRecord(
        asked.door,
        asked.caller,
        asked.request,
        decision,
        consulted.hold if consulted else None,
        asked.trace,
        repeats,
        consulted.approval if consulted else "",
        consulted.granted if consulted else (),
        facts if isinstance(facts, Scored) else None,
        facts if isinstance(facts, Unavailable) else None,
        delegated,
    )
