"""The documented form of commands: the plain JSON that the platform publishes through SNS.

It names its target in several ways and carries no number. A BLOCK that names what cannot be made out halts more, not
less; an UNBLOCK is a hint whatever it names.
"""

from typing import Final

import msgspec

from sidecar.core.killswitch.halts import name_of_organization
from sidecar.core.killswitch.order import ID_CHARS, REASON_CHARS, Command, Order, Proof
from sidecar.core.killswitch.scope import ANY, Kind, Scope, normalized, scope
from sidecar.core.killswitch.wire.model import Beacon, Refusal, refusal
from sidecar.core.killswitch.wire.moments import moment_in
from sidecar.core.killswitch.wire.unknown import not_understood
from sidecar.core.model import JSON, Object

_AGENT_KEYS: Final = ("agent_id", "target_agent_id")
_SERVER_KEYS: Final = ("mcp_server",)
_BY_CHARS: Final = 256
_BEACON: Final = "beacon"


class Carrier(msgspec.Struct, frozen=True):
    """What brought a message. `proof` is SNS, or PROVISIONAL where its certificate could not be had.

    `skew`: by how much (seconds) the sender's clock may be ahead. `organization` is this host's, "" for any.
    """

    message_id: str
    timestamp: str
    topic_arn: str
    proof: Proof
    received_at: float
    skew: float
    organization: str = ""

    @property
    def is_proven(self) -> bool:
        return self.proof is Proof.SNS

    def clamped(self, issued_at: float) -> float:
        """A time that no clock explains would keep a halt in force until then."""
        return min(issued_at, self.received_at + self.skew)


def read_documented(message: Object | None, carrier: Carrier) -> Order | Beacon:
    """What the message says; None is what is no JSON object. Raises KillSwitchError."""
    command = _word(message, "command_type") if message else ""
    if message is None or command not in ("block", "unblock"):
        return _read_other(message, carrier)
    _check_ours(message, carrier.organization)
    if command == "unblock":
        return _unblock(message, carrier)
    place = scope_of(message)
    if place is not None:
        return _order(message, carrier, Command.BLOCK, place)
    # The target is of a kind that is not known: of what is halted, everything is a part.
    block = _order(message, carrier, Command.BLOCK, Scope(Kind.ORGANIZATION))
    return msgspec.structs.replace(block, proof=Proof.NOT_UNDERSTOOD) if carrier.is_proven else block


def _read_other(message: Object | None, carrier: Carrier) -> Order | Beacon:
    if not carrier.is_proven:
        raise refusal(Refusal.UNVERIFIED, "the certificate of SNS could not be had, and this is no halt")
    if message is None:
        return _unknown("it is no JSON object", carrier)
    if "command_type" not in message and _word(message, "type") == _BEACON:
        return _beacon(message, carrier)
    _check_ours(message, carrier.organization)
    return _unknown("its command_type is neither BLOCK nor UNBLOCK", carrier)


def _unknown(why: str, carrier: Carrier) -> Order:
    return not_understood(f"sns:{carrier.message_id}"[:ID_CHARS], why, carrier.topic_arn, carrier.received_at)


def _beacon(message: Object, carrier: Carrier) -> Beacon:
    issued_at = moment_in(message.get("issued_at", carrier.timestamp))
    if issued_at is None:
        raise refusal(Refusal.MALFORMED, "the beacon does not say when it was issued")
    if issued_at > carrier.received_at + carrier.skew:
        raise refusal(Refusal.NOT_YET_VALID, "the beacon is from the future")
    return Beacon(issued_at, _text(message.get("id"), ID_CHARS) or carrier.message_id[:ID_CHARS])


def _unblock(message: Object, carrier: Carrier) -> Order:
    if not carrier.is_proven:
        raise refusal(Refusal.UNVERIFIED, "the certificate of SNS could not be had, and this is no halt")
    order = _order(message, carrier, Command.UNBLOCK, scope_of(message) or Scope(Kind.ORGANIZATION))
    if order.expires_at is not None and order.expires_at <= carrier.received_at:
        raise refusal(Refusal.EXPIRED, "the release came after its end")
    return order


def _order(message: Object, carrier: Carrier, command: Command, place: Scope) -> Order:
    issued = (moment_in(message.get(key)) for key in ("issued_at", "created_at"))
    issued_at = next((at for at in issued if at is not None), moment_in(carrier.timestamp) or 0.0)
    return Order(
        command=command,
        scope=place,
        command_id=_command_id(message, carrier),
        proof=carrier.proof,
        issued_at=carrier.clamped(issued_at),
        received_at=carrier.received_at,
        expires_at=moment_in(message.get("expires_at")),
        reason=_text(message.get("reason"), REASON_CHARS),
        issued_by=_text(message.get("issued_by"), _BY_CHARS),
        signer=carrier.topic_arn,
    )


def _command_id(message: Object, carrier: Carrier) -> str:
    """What has none of its own, or one that is no use, is known by the message."""
    given = message.get("command_id")
    text = str(given) if isinstance(given, int) and not isinstance(given, bool) else given
    if isinstance(text, str) and 0 < len(text) <= ID_CHARS and text.isprintable():
        return text
    return f"sns:{carrier.message_id}"[:ID_CHARS]


def scope_of(message: Object) -> Scope | None:
    """Whom a command is for; None for a kind of target that is not known.

    Without a kind it is for an agent, as documented.
    """
    match "agent" if message.get("target_type") is None else _word(message, "target_type"):
        case "agent":
            return _agent(message)
        case "mcp_server":
            # The number of a server's config says nothing here: with a name beside it, that is the server.
            return Scope(Kind.MCP_SERVER, _name(Kind.MCP_SERVER, message, _SERVER_KEYS) or ANY)
        case "organization":
            return Scope(Kind.ORGANIZATION)
        case _:
            return None


def _agent(message: Object) -> Scope:
    """Without an agent it is for every one (documented of broadcasts), whatever the organization's switch says."""
    is_broadcast = message.get("is_broadcast") not in (None, False)
    return Scope(Kind.AGENT, ANY if is_broadcast else _name(Kind.AGENT, message, _AGENT_KEYS) or ANY)


def _name(kind: Kind, message: Object, keys: tuple[str, ...]) -> str | None:
    """The one name that all places give, None if none does; any name, if they differ or one is of no use."""
    parameters = message.get("parameters")
    parts = [parameters, message] if isinstance(parameters, dict) else [message]
    given = [part[key] for part in parts for key in keys if part.get(key) not in (None, "")]
    if not given:
        return None
    names = {normalized(kind, name) if isinstance(name, str) else "" for name in given}
    try:
        return scope(kind, names.pop()).name if len(names) == 1 else ANY
    except ValueError:
        return ANY


def _check_ours(message: Object, organization: str) -> None:
    """One that cannot be read, or is not named, is taken for ours."""
    given = message.get("organization_id")
    text = str(given) if isinstance(given, int) and not isinstance(given, bool) else given
    if organization and isinstance(text, str) and text and name_of_organization(text) != organization:
        raise refusal(Refusal.FOREIGN, "it is for another organization")


def _word(message: Object, key: str) -> str:
    value = message.get(key)
    return value.strip().lower() if isinstance(value, str) else ""


def _text(value: JSON, most: int) -> str:
    return value[:most] if isinstance(value, str) else ""
