"""The fleet's own book of halts, and the signed document of it. A small true implementation of who orders."""

from dataclasses import dataclass, field

from sidecar.core.killswitch import Command, Order, Proof, Scope
from sidecar.core.killswitch.document_form import write_document
from sidecar.core.trust import Signer
from tests.tools.signing import KEY


@dataclass
class HaltsBook:
    """`lasts` seconds a document is good; it is signed anew once it is `renewed` seconds old, or something changed.

    While `frozen` is set, that is what is served.
    """

    name: str = "default"
    signer: Signer = KEY
    epoch: int = 1
    lasts: float = 60.0
    renewed: float = 1.0
    halts: dict[Scope, Order] = field(default_factory=dict)
    released: dict[Scope, int] = field(default_factory=dict)
    frozen: bytes | None = None
    _seq: int = 0
    _signed: bytes = b""
    _signed_at: float = 0.0

    def block(self, scope: Scope, reason: str = "stop", issued_at: float = 1_700_000_000.0) -> Order:
        """The order."""
        self._step()
        proof, command_id = Proof.SIGNED, f"block-{self._seq}"
        order = Order(
            Command.BLOCK, scope, command_id, proof=proof, seq=self._seq, issued_at=issued_at, reason=reason
        )
        self.halts[scope] = order
        return order

    def unblock(self, scope: Scope) -> int:
        """The number of the order."""
        self._step()
        self.halts.pop(scope, None)
        self.released[scope] = self._seq
        return self._seq

    def document(self, now: float) -> bytes:
        if self.frozen is not None:
            return self.frozen
        if not self._signed or now >= self._signed_at + self.renewed:
            self._signed, self._signed_at = self.sign(now), now
        return self._signed

    def sign(self, now: float, **changes: object) -> bytes:
        """A document of this moment. `changes`: name, epoch, issued_at, expires_at, signers."""
        given = {"name": self.name, "epoch": self.epoch, "issued_at": now, "signers": [self.signer]} | changes
        given.setdefault("expires_at", given["issued_at"] + self.lasts)
        return write_document(halts=self.halts.values(), released=self.released.items(), **given)

    def _step(self) -> None:
        self.epoch += 1
        self._seq += 1
        self._signed = b""
