"""The signed state document: all that the fleet has halted, in one DSSE envelope by the keys that sign bundles.

Every step refuses with a KillSwitchError of its own kind, so what is in force then stays as it is.

1. Parse the envelope and check its signatures, as of a bundle, by keys that are not older than those of the bundle in
   force; its type is that of a state document.
2. Parse the very bytes that were signed, in their one form; halts one by one, so that other threads get their turn.
3. It is for this name, it has been issued and it has not expired.
4. It is not older than the newest that was believed.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from sidecar.core import canonical
from sidecar.core.bundle import Trust
from sidecar.core.errors import BundleError, KillSwitchError
from sidecar.core.killswitch.book import MARGIN, Epoch, State
from sidecar.core.killswitch.document_form import (
    HALTS_TYPE,
    MOST_BYTES,
    MOST_HALTS,
    Written,
    WrittenHalt,
    document_decoder,
    halt_decoder,
    release_decoder,
)
from sidecar.core.killswitch.order import Command, Order, Origin, Proof
from sidecar.core.killswitch.scope import Scope, scope
from sidecar.core.times import rfc3339
from sidecar.core.trust import open_envelope, parse_envelope
from sidecar.core.trust.rotation import follow


class Document(msgspec.Struct, frozen=True):
    """A document that may be acted on until `expires_at` (epoch seconds)."""

    state: State
    epoch: Epoch
    expires_at: float


def read_document(
    raw: bytes, trust: Trust, newest: Epoch, now: float, asked_at: float, keys_version: int = 0
) -> Document:
    """What these bytes say as of `now`; `asked_at` is our time before they were asked for (both epoch seconds).

    `keys_version` is that of the key set that the bundle in force was checked by: older keys sign nothing any more.
    Raises KillSwitchError.
    """
    if len(raw) > MOST_BYTES:
        raise KillSwitchError("too_large", f"a state document has at most {MOST_BYTES} bytes")
    try:
        envelope = parse_envelope(raw)
        keys = follow(envelope.keys, trust.keys, trust.name)
        body, signers = open_envelope(envelope, HALTS_TYPE, keys)  # 1
    except BundleError as error:
        raise KillSwitchError(error.kind, f"the state document is refused: {error}") from error
    if keys.version < keys_version:
        told = f"the keys lead to version {keys.version}, but version {keys_version} is in force here"
        raise KillSwitchError("rolled_back", told)
    written: Written = _read(body, document_decoder)  # 2
    epoch = Epoch(written.epoch, written.issued_at.timestamp())
    expires_at = written.expires_at.timestamp()
    _check_head(written, trust, epoch, expires_at, now)  # 3
    _check_age(epoch, newest)  # 4
    as_of = _as_of(epoch.issued_at, asked_at, trust.skew)
    signer = ",".join(sorted(key.id for key in signers))
    halts = tuple(_order(one, as_of, signer) for one in written.halts)
    _check_once(halts)
    released = tuple(
        (_scope(one.scope), one.seq) for one in (_read(raw, release_decoder) for raw in written.released)
    )
    return Document(State(as_of, halts, released), epoch, expires_at)


def _check_head(written: Written, trust: Trust, epoch: Epoch, expires_at: float, now: float) -> None:
    if written.name != trust.name:
        raise KillSwitchError("not_for_us", f"it is of `{written.name[:64]}`; trust.name is `{trust.name}`")
    if max(len(written.halts), len(written.released)) > MOST_HALTS:
        raise KillSwitchError("too_large", f"a state document has at most {MOST_HALTS} halts")
    if expires_at <= epoch.issued_at:
        raise _malformed("it expires before it was issued")
    if epoch.issued_at > now + trust.skew:
        told = f"it was issued at {rfc3339(epoch.issued_at)}, {epoch.issued_at - now:.0f} s from now"
        raise KillSwitchError("not_yet_valid", f"{told}; clocks may differ by {trust.skew:.0f} s")
    if now >= expires_at:
        raise KillSwitchError("expired", f"the state document expired at {rfc3339(expires_at)}")


def _check_age(epoch: Epoch, newest: Epoch) -> None:
    if epoch.number < newest.number:
        told = f"it is of epoch {epoch.number}, and epoch {newest.number} was believed here"
        raise KillSwitchError("rolled_back", told)
    if epoch.number == newest.number and epoch.issued_at < newest.issued_at:
        told = (
            f"it was issued at {rfc3339(epoch.issued_at)}, before another one of its epoch that was believed"
        )
        raise KillSwitchError("rolled_back", told)


def _as_of(issued_at: float, asked_at: float, skew: float) -> float:
    """Never later than what the document can know of. A clock that is ahead says nothing of how old it is."""
    return min(issued_at, asked_at) if issued_at <= asked_at + MARGIN else asked_at - skew


def _check_once(halts: Sequence[Order]) -> None:
    places = {(order.scope, order.seq is not None) for order in halts}
    if len(places) != len(halts):
        raise _malformed("a scope is halted twice in it")


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
        raise _malformed(str(error)) from error


def _read(raw: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[Any]) -> Any:
    try:
        return canonical.decode_as(bytes(raw), decoder)
    except canonical.NotCanonical as error:
        raise _malformed(str(error)) from error


def _malformed(message: str) -> KillSwitchError:
    return KillSwitchError("malformed", f"the state document cannot be read: {message}")
