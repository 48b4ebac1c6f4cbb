"""A state document in the hands of whoever keeps it: what it says, changed and signed anew. Values only."""

from collections.abc import Sequence

import msgspec

from sidecar.core.bundle import Trust
from sidecar.core.errors import KillSwitchError
from sidecar.core.killswitch.book import Epoch
from sidecar.core.killswitch.document import read_document
from sidecar.core.killswitch.document_form import write_document
from sidecar.core.killswitch.document_parts import open_document, read_halts, read_head, read_releases
from sidecar.core.killswitch.order import Order
from sidecar.core.killswitch.scope import Scope
from sidecar.core.trust import Envelope, Signer


class Held(msgspec.Struct, frozen=True):
    """Times are epoch seconds. `steps` lead to the keys that signed it, `signers` are the ids that it says they have.

    `released` has the highest number of each scope that is over.
    """

    name: str
    epoch: int = 0
    issued_at: float = 0.0
    expires_at: float = 0.0
    halts: tuple[Order, ...] = ()
    released: dict[Scope, int] = {}
    steps: tuple[Envelope, ...] = ()
    signers: tuple[str, ...] = ()


def read_held(raw: bytes, trust: Trust | None) -> Held:
    """What the bytes say, be it over by now; `trust` None: whoever made them. Raises KillSwitchError."""
    opened = open_document(raw, trust)
    envelope = opened.envelope
    head = read_head(opened.body)
    if trust is not None and head.name != trust.name:
        raise KillSwitchError("not_for_us", f"it is of `{head.name[:64]}`, not of `{trust.name}`")
    issued_at = head.issued_at.timestamp()
    released: dict[Scope, int] = {}
    for scope, seq in read_releases(head):
        released[scope] = max(seq, released.get(scope, 0))
    return Held(
        head.name,
        head.epoch,
        issued_at,
        head.expires_at.timestamp(),
        read_halts(head, issued_at, opened.signer),
        released,
        envelope.keys,
        tuple(signature.keyid for signature in envelope.signatures),
    )


def name_in(raw: bytes) -> str:
    """Of what, as it says itself. Raises KillSwitchError."""
    return read_head(open_document(raw, None).body).name


def newest_seq(held: Held, scope: Scope) -> int | None:
    """The highest number that it knows of the scope; -1 where that is halted without one, None for nothing."""
    numbers = [-1 if halt.seq is None else halt.seq for halt in held.halts if halt.scope == scope]
    return max([*numbers, *((held.released[scope],) if scope in held.released else ())], default=None)


def with_halt(held: Held, order: Order) -> Held:
    """What it says of the scope gives way to the order, which has a number. Raises KillSwitchError for one that is
    not above it: hosts would keep what they have."""
    _check_seq(held, order.scope, order.seq)
    others = tuple(halt for halt in held.halts if halt.scope != order.scope or halt.seq is None)
    return msgspec.structs.replace(held, halts=(*others, order))


def without_halt(held: Held, scope: Scope, seq: int) -> Held:
    """The scope is halted no more: all its orders below `seq`, that of the release, are over. Raises KillSwitchError.

    One of the same number is not: of equals the halt counts.
    """
    _check_seq(held, scope, seq)
    over = {scope: seq - 1} if seq > 0 else {}
    halts = tuple(halt for halt in held.halts if halt.scope != scope)
    return msgspec.structs.replace(held, halts=halts, released=held.released | over)


def sign_held(held: Held, now: float, lasting: float, signers: Sequence[Signer], trust: Trust) -> bytes:
    """The document of the next epoch, good for `lasting` seconds. Raises KillSwitchError for what a host that has
    `trust` would not take."""
    released = sorted(held.released.items(), key=str)
    raw = write_document(
        held.name, held.epoch + 1, now, now + lasting, held.halts, released, signers, held.steps
    )
    read_document(raw, trust, Epoch(held.epoch, held.issued_at), now, now)
    return raw


def _check_seq(held: Held, scope: Scope, seq: int | None) -> None:
    newest = newest_seq(held, scope)
    if newest is not None and (seq is None or seq <= newest):
        told = f"{scope}: number {seq} is not above {newest}, which is known there; hosts would keep what they have"
        raise KillSwitchError("overtaken", told)
