"""Orders and beacons in our own form: canonical JSON in a DSSE envelope, signed by the keys of the trust config.

Believed by that signature alone, whatever brought it: raw, in an envelope of SNS, even in one whose own signature is
wrong. Who changes what is around it can at most delay or repeat it, and neither makes anything looser.
"""

import hashlib
from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from sidecar.core import canonical
from sidecar.core.bundle.verify import Trust
from sidecar.core.errors import BundleError, RequestError, UntrustedBundle
from sidecar.core.ijson import JsonLimits, parse_object
from sidecar.core.killswitch.halts import name_of_organization
from sidecar.core.killswitch.order import ID_CHARS, REASON_CHARS, Command, Order, Proof
from sidecar.core.killswitch.scope import ANY, NAME_CHARS, Kind, Scope, scope
from sidecar.core.killswitch.wire.model import Beacon, Refusal, refusal
from sidecar.core.killswitch.wire.moments import LATEST
from sidecar.core.killswitch.wire.unknown import not_understood
from sidecar.core.trust import Envelope, Signer, open_envelope, read_unverified, seal, write_envelope
from sidecar.core.trust.rotation import follow

ORDER_TYPE: Final = "application/vnd.ascend-sidecar.order+json"
BEACON_TYPE: Final = "application/vnd.ascend-sidecar.beacon+json"
# Also how the types of orders to come begin.
_ORDERS: Final = "application/vnd.ascend-sidecar.order"
_VERSION: Final = "ascend.sidecar/v1"
_LIMITS: Final = JsonLimits()
_Id = Annotated[str, Meta(min_length=1, max_length=ID_CHARS)]
_By = Annotated[str, Meta(max_length=256)]
_Moment = Annotated[float, Meta(ge=0, le=LATEST)]


class WrittenOrder(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is signed. Times are epoch seconds; `organization` "" is for every one that trusts the keys."""

    api_version: Literal["ascend.sidecar/v1"] = msgspec.field(name="apiVersion")
    kind: Literal["Order"]
    command_id: _Id
    seq: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    scope: Scope
    command: Command
    issued_at: _Moment
    expires_at: _Moment | None = None
    reason: Annotated[str, Meta(max_length=REASON_CHARS)] = ""
    issued_by: _By = ""
    organization: Annotated[str, Meta(max_length=NAME_CHARS)] = ""


class WrittenBeacon(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is signed of a beacon."""

    api_version: Literal["ascend.sidecar/v1"] = msgspec.field(name="apiVersion")
    kind: Literal["Beacon"]
    id: _Id
    issued_at: _Moment
    issued_by: _By = ""


def write_order(
    order: Order, signers: Sequence[Signer], *, organization: str = "", keys: tuple[Envelope, ...] = ()
) -> bytes:
    """The order as a message, signed by each; `keys` are steps to the keys in force. Raises ValueError.

    Of the order goes what is its sender's to say: not its origin, its proof, or when it came.
    """
    if order.seq is None:
        raise ValueError("a signed order needs a seq")
    written = WrittenOrder(
        api_version=_VERSION,
        kind="Order",
        command_id=order.command_id,
        seq=order.seq,
        scope=scope(order.scope.kind, order.scope.name),
        command=order.command,
        issued_at=order.issued_at,
        expires_at=order.expires_at,
        reason=order.reason,
        issued_by=order.issued_by,
        organization=organization,
    )
    return _sealed(ORDER_TYPE, written, signers, keys)


def write_beacon(
    beacon: Beacon, signers: Sequence[Signer], *, issued_by: str = "", keys: tuple[Envelope, ...] = ()
) -> bytes:
    """The beacon as a message, signed by each. Raises ValueError."""
    written = WrittenBeacon(_VERSION, "Beacon", beacon.id, beacon.issued_at, issued_by)
    return _sealed(BEACON_TYPE, written, signers, keys)


def read_signed(envelope: Envelope, trust: Trust, received_at: float, organization: str) -> Order | Beacon:
    """What trusted keys have signed. `organization` is this host's, "" for any. Raises KillSwitchError.

    1. Enough keys signed these bytes, as what the envelope says that they are.
    2. They signed them as an order or a beacon; what looks like a newer order is not understood, and halts.
    3. The bytes are an order that is understood; else they halt, unless they are clearly a release.
    4. It is for this organization, and a release has not come after its end.
    """
    body, signer = _opened(envelope, trust)  # 1
    return _read(envelope.payload_type, body, _Bearing(signer, received_at, trust.skew, organization))


def read_vouched(
    envelope: Envelope, topic_arn: str, received_at: float, skew: float, organization: str
) -> Order | Beacon:
    """The same where no keys are configured and SNS has signed what is around it, as for the documented form.

    So it has no number: whoever may publish could use up the numbers of those who sign. Raises KillSwitchError.
    """
    try:
        body = read_unverified(envelope)
    except BundleError as error:
        raise refusal(Refusal.MALFORMED, str(error)) from error
    read = _read(envelope.payload_type, body, _Bearing(topic_arn, received_at, skew, organization))
    if isinstance(read, Beacon) or read.proof is Proof.NOT_UNDERSTOOD:
        return read
    return msgspec.structs.replace(read, proof=Proof.SNS, seq=None)


class _Bearing(msgspec.Struct, frozen=True):
    """What an order is read by, besides its bytes."""

    signer: str
    received_at: float
    skew: float
    organization: str


def _read(kind: str, body: bytes, bearing: _Bearing) -> Order | Beacon:
    latest = bearing.received_at + bearing.skew
    if kind == BEACON_TYPE:
        return _beacon(body, latest)
    if not kind.startswith(_ORDERS):  # 2
        raise refusal(Refusal.NOT_OURS, "it was signed neither as an order nor as a beacon")
    if kind != ORDER_TYPE:
        return _unknown(body, f"its type is `{kind}`", bearing)
    try:
        written = msgspec.convert(canonical.decode(body), WrittenOrder)
        place = scope(written.scope.kind, written.scope.name)
    except (msgspec.ValidationError, ValueError) as error:  # 3
        return _unknown(body, str(error), bearing)
    _check(written, place, bearing)  # 4
    return Order(
        command=written.command,
        scope=place,
        command_id=written.command_id,
        proof=Proof.SIGNED,
        seq=written.seq,
        # A time that no clock explains would keep a halt in force until then.
        issued_at=min(written.issued_at, latest),
        received_at=bearing.received_at,
        expires_at=written.expires_at,
        reason=written.reason,
        issued_by=written.issued_by,
        signer=bearing.signer,
    )


def _sealed(
    kind: str,
    written: WrittenOrder | WrittenBeacon,
    signers: Sequence[Signer],
    keys: tuple[Envelope, ...],
) -> bytes:
    try:
        msgspec.convert(msgspec.to_builtins(written), type(written))
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    return write_envelope(seal(kind, canonical.encode(written), signers, keys)).strip()


def _opened(envelope: Envelope, trust: Trust) -> tuple[bytes, str]:
    """The body, and the ids of the keys that signed it."""
    try:
        keys = follow(envelope.keys, trust.keys, trust.name)
        body, signers = open_envelope(envelope, envelope.payload_type, keys)
    except UntrustedBundle as error:
        raise refusal(Refusal.UNTRUSTED, str(error)) from error
    except BundleError as error:
        raise refusal(Refusal.MALFORMED, str(error)) from error
    return body, ",".join(sorted(key.id for key in signers))


def _beacon(body: bytes, latest: float) -> Beacon:
    try:
        written = msgspec.convert(canonical.decode(body), WrittenBeacon)
    except (msgspec.ValidationError, ValueError) as error:
        raise refusal(Refusal.MALFORMED, f"the signed beacon is not understood: {error}") from error
    if written.issued_at > latest:
        raise refusal(Refusal.NOT_YET_VALID, "the beacon is from the future")
    return Beacon(written.issued_at, written.id)


def _unknown(body: bytes, why: str, bearing: _Bearing) -> Order:
    """Known by its bytes: the envelope around them could be written in many ways."""
    try:
        found = parse_object(body, _LIMITS)
    except RequestError:
        found = {}
    commands = [found[key] for key in ("command", "command_type") if key in found]
    if commands and all(isinstance(one, str) and one.upper() == Command.UNBLOCK for one in commands):
        raise refusal(Refusal.MALFORMED, f"the signed release is not understood: {why}")
    digest = hashlib.sha256(body).hexdigest()
    return not_understood(f"sha256:{digest}", why, bearing.signer, bearing.received_at)


def _check(written: WrittenOrder, place: Scope, bearing: _Bearing) -> None:
    ours = name_of_organization(bearing.organization)
    named = [name_of_organization(written.organization)] if written.organization else []
    if place.kind is Kind.ORGANIZATION and place.name != ANY:
        named.append(place.name)
    if ours and any(name != ours for name in named):
        raise refusal(Refusal.FOREIGN, "it is for another organization")
    ends = LATEST if written.expires_at is None else written.expires_at
    if written.command is Command.UNBLOCK and ends <= bearing.received_at:
        raise refusal(Refusal.EXPIRED, "the release came after its end")
