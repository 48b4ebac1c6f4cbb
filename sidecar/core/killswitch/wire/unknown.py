"""What is proven and not understood: it may be a halt in a newer form, so it is one."""

from typing import Final

from sidecar.core.killswitch.order import Command, Order, Proof
from sidecar.core.killswitch.scope import Kind, Scope

_REASON: Final = "An order was proven that this version does not understand, so it halts everything"


def not_understood(command_id: str, why: str, signer: str, received_at: float) -> Order:
    """The halt of the organization in its place. `why` is a part of a sentence."""
    return Order(
        command=Command.BLOCK,
        scope=Scope(Kind.ORGANIZATION),
        command_id=command_id,
        proof=Proof.NOT_UNDERSTOOD,
        issued_at=received_at,
        received_at=received_at,
        reason=f"{_REASON}: {why}"[:512],
        signer=signer,
    )
