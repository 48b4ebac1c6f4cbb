"""The parts of a state document, whether or not it may be acted on: its signatures, its one form, its entries."""

from collections.abc import Sequence
from typing import Any

import msgspec

from sidecar.core import canonical
from sidecar.core.bundle import Trust
from sidecar.core.errors import BundleError, KillSwitchError, WrongPayloadType
from sidecar.core.killswitch.document_form import (
    HALTS_TYPE,
    MOST_BYTES,
    Written,
    WrittenHalt,
    document_decoder,
    halt_decoder,
    release_decoder,
)
from sidecar.core.killswitch.order import Command, Order, Origin, Proof
from sidecar.core.killswitch.scope import Scope, scope
from sidecar.core.trust import Envelope, KeySet, open_envelope, parse_envelope, read_unverified
from sidecar.core.trust.rotation import follow


class Opened(msgspec.Struct, frozen=True):
    """The bytes that were signed. `keys` is the set that they were checked by, `signer` the ids of those that signed.

    `keys` is None and `signer` "" where nobody vouches for them.
    """

    envelope: Envelope
    body: bytes
    keys: KeySet | None = None
    signer: str = ""


def open_document(raw: bytes, trust: Trust | None) -> Opened:
    """`trust` None: to be looked at, never to be acted on. Raises KillSwitchError."""
    if len(raw) > MOST_BYTES:
        raise KillSwitchError("too_large", f"a state document has at most {MOST_BYTES} bytes")
    try:
        envelope = parse_envelope(raw)
        if trust is None:
            _check_type(envelope)
            return Opened(envelope, read_unverified(envelope))
        keys = follow(envelope.keys, trust.keys, trust.name)
        body, signers = open_envelope(envelope, HALTS_TYPE, keys)
    except BundleError as error:
        raise KillSwitchError(error.kind, f"the state document is refused: {error}") from error
    return Opened(envelope, body, keys, ",".join(sorted(key.id for key in signers)))


def read_head(body: bytes) -> Written:
    """Raises KillSwitchError."""
    head: Written = _read(body, document_decoder)
    return head


def read_halts(head: Written, as_of: float, signer: str) -> tuple[Order, ...]:
    """One by one, so that other threads get their turn. `as_of` is when they count as received. Raises
    KillSwitchError."""
    halts = tuple(_order(one, as_of, signer) for one in head.halts)
    _check_once(halts)
    return halts


def read_releases(head: Written) -> tuple[tuple[Scope, int], ...]:
    """Scopes with the highest number that is over. Raises KillSwitchError."""
    written = (_read(raw, release_decoder) for raw in head.released)
    return tuple((_scope(one.scope), one.seq) for one in written)


def _check_type(envelope: Envelope) -> None:
    if envelope.payload_type != HALTS_TYPE:
        raise WrongPayloadType(f"this is `{envelope.payload_type}`, not a state document, `{HALTS_TYPE}`")


def malformed(message: str) -> KillSwitchError:
    return KillSwitchError("malformed", f"the state document cannot be read: {message}")


def _check_once(halts: Sequence[Order]) -> None:
    places = {(order.scope, order.seq is not None) for order in halts}
    if len(places) != len(halts):
        raise malformed("a scope is halted twice in it")


def _order(raw: msgspec.Raw, as_of: float, signer: str) -> Order:
    halt: WrittenHalt = _read(raw, halt_decoder)
    return Order(
        Command.BLOCK,
        _scope(halt.scope),
        halt.command_id,
        Origin.FLEET,
        Proof.STATE,
        halt.seq,
        halt.issued_at.timestamp(),
        as_of,
        None if halt.expires_at is None else halt.expires_at.timestamp(),
        halt.reason,
        halt.issued_by,
        signer,
    )


def _scope(written: Scope) -> Scope:
    try:
        return scope(written.kind, written.name)
    except ValueError as error:
        raise malformed(str(error)) from error


def _read(raw: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[Any]) -> Any:
    try:
        return canonical.decode_as(bytes(raw), decoder)
    except canonical.NotCanonical as error:
        raise malformed(str(error)) from error
