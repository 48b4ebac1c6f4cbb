"""The signed state document: all that the fleet has halted, in one DSSE envelope by the keys that sign bundles.

Every step refuses with a KillSwitchError of its own kind, so what is in force then stays as it is.

1. Parse the envelope and check its signatures, as of a bundle, by keys that are not older than those of the bundle in
   force; its type is that of a state document.
2. Parse the very bytes that were signed, in their one form; halts one by one, so that other threads get their turn.
3. It is for this name, it has been issued and it has not expired.
4. It is not older than the newest that was believed.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from sidecar.core import canonical
from sidecar.core.bundle import Trust
from sidecar.core.errors import BundleError, KillSwitchError
from sidecar.core.killswitch.book import MARGIN, Epoch, State
from sidecar.core.killswitch.order import ID_CHARS, REASON_CHARS, Command, Order, Origin, Proof
from sidecar.core.killswitch.scope import Kind, Scope, scope
from sidecar.core.times import rfc3339
from sidecar.core.trust import Envelope, Signer, open_envelope, parse_envelope, seal, write_envelope
from sidecar.core.trust.rotation import follow

HALTS_TYPE: Final = "application/vnd.ascend-sidecar.halts+json"
MOST_BYTES: Final = 64 * 1024 * 1024
MOST_HALTS: Final = 200_000
_PEOPLE: Final = 256
Moment = Annotated[datetime, Meta(tz=True)]
Seq = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Text = Annotated[str, Meta(max_length=REASON_CHARS)]


class WrittenHalt(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, gc=False
):
    """One halt. `seq` is the number of its order within the scope, where orders are numbered."""

    scope: Scope
    command_id: Annotated[str, Meta(min_length=1, max_length=ID_CHARS)]
    issued_at: Moment
    expires_at: Moment | None = None
    issued_by: Annotated[str, Meta(max_length=_PEOPLE)] = ""
    reason: Text = ""
    seq: Seq | None = None


class WrittenRelease(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All orders of the scope up to this number are over."""

    scope: Scope
    seq: Seq


class _Written(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`epoch` grows whenever what is in force changes; a document that is only issued anew keeps it."""

    api_version: Literal["ascend.sidecar/v1"] = msgspec.field(name="apiVersion", default="ascend.sidecar/v1")
    kind: Literal["Halts"] = "Halts"
    name: str
    epoch: Annotated[int, Meta(ge=1, le=2**53 - 1)]
    issued_at: Moment
    expires_at: Moment
    halts: tuple[msgspec.Raw, ...] = ()
    released: tuple[msgspec.Raw, ...] = ()


class Document(msgspec.Struct, frozen=True):
    """A document that may be acted on until `expires_at` (epoch seconds)."""

    state: State
    epoch: Epoch
    expires_at: float


_decoder: Final = msgspec.json.Decoder(_Written)
_halts: Final = msgspec.json.Decoder(WrittenHalt)
_releases: Final = msgspec.json.Decoder(WrittenRelease)


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
    written: _Written = _read(body, _decoder)  # 2
    epoch = Epoch(written.epoch, written.issued_at.timestamp())
    expires_at = written.expires_at.timestamp()
    _check_head(written, trust, epoch, expires_at, now)  # 3
    _check_age(epoch, newest)  # 4
    as_of = _as_of(epoch.issued_at, asked_at, trust.skew)
    signer = ",".join(sorted(key.id for key in signers))
    halts = tuple(_order(one, as_of, signer) for one in written.halts)
    _check_once(halts)
    released = tuple(
        (_scope(one.scope), one.seq) for one in (_read(raw, _releases) for raw in written.released)
    )
    return Document(State(as_of, halts, released), epoch, expires_at)


def write_document(
    name: str,
    epoch: int,
    issued_at: float,
    expires_at: float,
    halts: Iterable[Order],
    released: Iterable[tuple[Scope, int]],
    signers: Sequence[Signer],
    keys: tuple[Envelope, ...] = (),
) -> bytes:
    """The signed bytes; times in epoch seconds. `keys` are the steps to the signers' set, as in a bundle.

    Raises KillSwitchError for what is too large.
    """
    written = _Written(
        name=name,
        epoch=epoch,
        issued_at=_moment(issued_at),
        expires_at=_moment(expires_at),
        halts=tuple(msgspec.Raw(canonical.encode(_halt(order))) for order in halts),
        released=tuple(msgspec.Raw(canonical.encode(WrittenRelease(*one))) for one in released),
    )
    if len(written.halts) > MOST_HALTS:
        raise KillSwitchError("too_large", f"a state document has at most {MOST_HALTS} halts")
    return write_envelope(seal(HALTS_TYPE, canonical.encode(written), signers, keys))


def _check_head(written: _Written, trust: Trust, epoch: Epoch, expires_at: float, now: float) -> None:
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
    halt: WrittenHalt = _read(raw, _halts)
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


def _halt(order: Order) -> WrittenHalt:
    return WrittenHalt(
        scope=order.scope,
        command_id=order.command_id,
        issued_at=_moment(order.issued_at),
        expires_at=None if order.expires_at is None else _moment(order.expires_at),
        issued_by=order.issued_by,
        reason=order.reason,
        seq=order.seq,
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


def _moment(epoch: float) -> datetime:
    return datetime.fromtimestamp(epoch, UTC)


def _malformed(message: str) -> KillSwitchError:
    return KillSwitchError("malformed", f"the state document cannot be read: {message}")


def _warm_up() -> None:
    """msgspec crashes the process when two threads are the first to read a type, so all are read at import."""
    moment = datetime.fromtimestamp(0, UTC)
    head = _Written(name="", epoch=1, issued_at=moment, expires_at=moment)
    halt = WrittenHalt(scope=Scope(Kind.ORGANIZATION), command_id="-", issued_at=moment)
    _decoder.decode(canonical.encode(head))
    _halts.decode(canonical.encode(halt))
    _releases.decode(canonical.encode(WrittenRelease(halt.scope, 0)))
    parse_envelope(write_envelope(seal(HALTS_TYPE, b"", ())))


_warm_up()
