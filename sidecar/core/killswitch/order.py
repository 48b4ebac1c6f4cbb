"""Orders: what the kill switch is told to do, however it came here. Values only."""

from enum import StrEnum
from typing import Final

import msgspec

from sidecar.core.killswitch.scope import Scope

FOREVER: Final = float("inf")
ID_CHARS: Final = 128
REASON_CHARS: Final = 1000


class Command(StrEnum):
    """Halt, or end a halt."""

    BLOCK = "BLOCK"
    UNBLOCK = "UNBLOCK"


class Origin(StrEnum):
    """Where an order came from. What one origin has halted only that origin releases."""

    FLEET = "fleet"  # the queue, and the authoritative state that goes with it
    ADMIN = "admin"  # the admin socket
    SIGNAL = "signal"  # SIGUSR1
    FILE = "file"  # the sentinel file in the state folder


class Proof(StrEnum):
    """Why an order was believed."""

    SIGNED = "signed"  # our own form, signed by the keys of the trust configuration
    SNS = "sns"  # the documented form, in an envelope that SNS signed
    PROVISIONAL = "provisional"  # as above, but the certificate could not be had: enough for a halt
    NOT_UNDERSTOOD = (
        "not_understood"  # it was proven, and is in no form that is known: it may be a newer halt
    )
    STATE = "state"  # it stands in the authoritative state
    LOCAL = "local"  # somebody on this host


class Order(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One order. Times are epoch seconds. `seq` grows with each order of a scope; None where the form has none.

    `issued_at` is the sender's time, `received_at` ours; from `expires_at` on a halt is over. `issued_by` is who gave
    it as the sender names them, `signer` the ids of the keys that signed it, or the topic it came by.
    """

    command: Command
    scope: Scope
    command_id: str
    origin: Origin = Origin.FLEET
    proof: Proof = Proof.LOCAL
    seq: int | None = None
    issued_at: float = 0.0
    received_at: float = 0.0
    expires_at: float | None = None
    reason: str = ""
    issued_by: str = ""
    signer: str = ""

    @property
    def identity(self) -> str:
        """By what a second arrival is known. An id alone could have been used for something else first.

        What anybody could have written is known apart from what was proven, so that it cannot use up an identity.
        """
        by = self.proof if self.proof is Proof.PROVISIONAL else self.origin
        return f"{self.command_id} {self.command} {self.seq} {self.scope} {by}"

    @property
    def since(self) -> float:
        """The later of when it was given and when it came: no state of before can have known it."""
        return max(self.issued_at, self.received_at)

    def holds(self, now: float) -> bool:
        """Whether it is a halt that is not over."""
        return self.command is Command.BLOCK and (self.expires_at is None or now < self.expires_at)
