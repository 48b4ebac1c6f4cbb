"""The state document as it is written, and how it is signed. It is read in document.py."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from sidecar.core import canonical
from sidecar.core.errors import KillSwitchError
from sidecar.core.killswitch.order import ID_CHARS, REASON_CHARS, Order
from sidecar.core.killswitch.scope import Kind, Scope
from sidecar.core.trust import Envelope, Signer, parse_envelope, seal, write_envelope

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


class Written(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`epoch` grows whenever what is in force changes; a document that is only issued anew keeps it."""

    api_version: Literal["ascend.sidecar/v1"] = msgspec.field(name="apiVersion", default="ascend.sidecar/v1")
    kind: Literal["Halts"] = "Halts"
    name: str
    epoch: Annotated[int, Meta(ge=1, le=2**53 - 1)]
    issued_at: Moment
    expires_at: Moment
    halts: tuple[msgspec.Raw, ...] = ()
    released: tuple[msgspec.Raw, ...] = ()


document_decoder: Final = msgspec.json.Decoder(Written)
halt_decoder: Final = msgspec.json.Decoder(WrittenHalt)
release_decoder: Final = msgspec.json.Decoder(WrittenRelease)


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
    written = Written(
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


def _moment(epoch: float) -> datetime:
    return datetime.fromtimestamp(epoch, UTC)


def _warm_up() -> None:
    """msgspec crashes the process when two threads are the first to read a type, so all are read at import."""
    moment = datetime.fromtimestamp(0, UTC)
    head = Written(name="", epoch=1, issued_at=moment, expires_at=moment)
    halt = WrittenHalt(scope=Scope(Kind.ORGANIZATION), command_id="-", issued_at=moment)
    document_decoder.decode(canonical.encode(head))
    halt_decoder.decode(canonical.encode(halt))
    release_decoder.decode(canonical.encode(WrittenRelease(halt.scope, 0)))
    parse_envelope(write_envelope(seal(HALTS_TYPE, b"", ())))


_warm_up()
