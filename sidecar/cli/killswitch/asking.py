"""Asking: the kill switch of a running daemon, at its admin socket."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, TypeVar

import msgspec

from sidecar.cli.doors import Door, Message, exchange
from sidecar.cli.edge import Edge
from sidecar.cli.exits import UnreachableError
from sidecar.cli.options import config_of
from sidecar.cli.refusals import taken
from sidecar.core.killswitch import Scope

T = TypeVar("T")
PATH: Final = "/v1/killswitch"
_REFUSED: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE})


class ToldScope(msgspec.Struct, frozen=True):
    kind: str
    name: str

    def __str__(self) -> str:
        return self.kind if self.name == "*" else f"{self.kind} {self.name}"


class ToldHalt(msgspec.Struct, frozen=True):
    """A halt as the daemon tells it."""

    scope: ToldScope
    origin: str
    reason: str = ""
    issued_by: str = ""
    issued_at: str = ""
    expires_at: str | None = None
    proof: str = ""
    seq: int | None = None


class ToldDone(ToldHalt, frozen=True, kw_only=True):
    """What came of an order; `detail` where not all is well with it."""

    command: str
    also_halted_by: tuple[ToldHalt, ...] = ()


class ToldSight(msgspec.Struct, frozen=True):
    """Seconds since each sign of life, None before the first; `blind` is why nobody sees, "" while somebody does."""

    received: float | None = None
    beacon: float | None = None
    confirmed: float | None = None
    blind: str = ""


class ToldQueue(msgspec.Struct, frozen=True):
    """`error` and `unsettled` are "" while all is well."""

    name: str
    error: str = ""
    unsettled: str = ""
    shared_queue_suspected: bool = False


class ToldState(msgspec.Struct, frozen=True):
    """The authority. `failing` is why its newest read told nothing, else ""; `epoch` is 0 where there is none."""

    name: str
    failing: str = ""
    epoch: int = 0
    issued_at: str | None = None


class ToldStatus(msgspec.Struct, frozen=True):
    """What is in force; the last three where there is a feed, a queue, an authority."""

    halts: tuple[ToldHalt, ...]
    more: int = 0
    hosts: tuple[str, ...] = ()
    organization: str = ""
    damaged: bool = False
    quarantined: str = ""
    unsettled: str = ""
    sight: ToldSight | None = None
    queue: ToldQueue | None = None
    state: ToldState | None = None


class ToldAffected(msgspec.Struct, frozen=True):
    """Whom a halt would hit, and the number of the newest order of the fleet for the same scope."""

    agents: tuple[str, ...]
    newest_seq: int | None = None


def door_of(edge: Edge, state_dir: str | None) -> Door:
    return Door.at_socket(config_of(edge, state_dir).admin_socket)


def ask(door: Door) -> bytes:
    """How it stands. Raises UnreachableError, UsageError, Refused."""
    return taken(exchange((door,), Message("GET", PATH)), _REFUSED)


def post(door: Door, verb: str, body: Mapping[str, object], patience: float = 10.0) -> bytes:
    """Raises as `ask` does."""
    headers = {"Content-Type": "application/json"}
    message = Message("POST", f"{PATH}/{verb}", msgspec.json.encode(body), headers)
    return taken(exchange((door,), message, patience), _REFUSED)


def affected(door: Door, scope: Scope, patience: float = 10.0) -> ToldAffected:
    """What the daemon knows of a scope. Raises as `ask` does."""
    return parse(post(door, "affected", {"scope": scope}, patience), ToldAffected)


def parse(raw: bytes, kind: type[T]) -> T:
    """Raises UnreachableError for what no daemon of ours would answer."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise UnreachableError(f"the answer is not of this daemon's making: {error}") from error
