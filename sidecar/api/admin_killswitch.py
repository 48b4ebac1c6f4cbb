"""The kill switch on the admin socket: what is halted, halting and releasing by hand, and whom that would hit."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Annotated, Final

from msgspec import Meta, Struct

from sidecar.api.problems import from_error, problem
from sidecar.api.wire import Call, Handler, Reply, Route, encode, ok, parse_body, read
from sidecar.core.errors import RequestError, SidecarError
from sidecar.core.ijson import JsonLimits
from sidecar.core.killswitch import Kind, Order, Scope, scope
from sidecar.core.killswitch.order import REASON_CHARS
from sidecar.core.killswitch.scope import ANY
from sidecar.core.model import Object
from sidecar.core.times import rfc3339
from sidecar.service.killswitch.desk import Desk, Done, NotHalted, NotHere, NotResettable, NotYours

_MOST: Final = 1000
_TEN_YEARS: Final = 10 * 366 * 86_400.0
_STATUSES: Final = {NotHere: 400, NotHalted: 404, NotYours: 409, NotResettable: 409}
# Parts that others tell of: the queue, whether it is seen, the authority.
Told = Mapping[str, Callable[[], Object]]
# Who a uid is, for the log.
Who = Callable[[int | None], str]


class ScopeBody(Struct, frozen=True):
    """Without a name, every one of the kind."""

    kind: Kind
    name: str = ANY

    def scope(self) -> Scope:
        """Raises RequestError."""
        try:
            return scope(self.kind, self.name)
        except ValueError as error:
            raise RequestError(str(error), field="scope.name") from error


class BlockBody(Struct, frozen=True):
    """`expires_at` in RFC 3339, or `for_seconds` from now on; neither: until it is released."""

    scope: ScopeBody
    reason: Annotated[str, Meta(min_length=1, max_length=REASON_CHARS)]
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None
    for_seconds: Annotated[float, Meta(gt=0, le=_TEN_YEARS)] | None = None


class UnblockBody(Struct, frozen=True):
    scope: ScopeBody
    reason: Annotated[str, Meta(max_length=REASON_CHARS)] = ""


class ResetBody(Struct, frozen=True):
    force: bool = False


class AffectedBody(Struct, frozen=True):
    scope: ScopeBody


class AdminKillSwitch:
    """Who may come here is settled by the socket's mode, 0600: the daemon's own user, and root."""

    def __init__(self, desk: Desk, who: Who, told: Told) -> None:
        self._desk = desk
        self._who = who
        self._told = told

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("GET", "/v1/killswitch", self.status),
            Route("POST", "/v1/killswitch/block", _guarded(self.block), reads_json=True),
            Route("POST", "/v1/killswitch/unblock", _guarded(self.unblock), reads_json=True),
            Route("POST", "/v1/killswitch/reset", _guarded(self.reset), reads_json=True),
            Route("POST", "/v1/killswitch/affected", _guarded(self.affected), reads_json=True),
        )

    async def status(self, _call: Call) -> Reply:
        """The newest thousand halts, how many more there are, and what others tell."""
        switch = self._desk.switch
        halts, count = await self._desk.in_force(_MOST)
        return ok({
            "halts": [told_halt(halt) for halt in halts],
            "more": count - len(halts),
            "hosts": list(self._desk.hosts),
            "organization": self._desk.organization,
            "damaged": switch.book.is_damaged,
            "quarantined": switch.quarantined,
            "unsettled": self._desk.settling.unsettled,
            **{name: told() for name, told in self._told.items()},
        })  # fmt: skip

    async def block(self, call: Call) -> Reply:
        """200 once it is in force and kept; 503 where it is in force only."""
        body = read(parse_body(call, JsonLimits()), BlockBody)
        if body.expires_at is not None and body.for_seconds is not None:
            raise RequestError("give this or expires_at, not both", field="for_seconds")
        expires_at = body.expires_at.timestamp() if body.expires_at else None
        done = await self._desk.block(
            body.scope.scope(), self._by(call), body.reason, expires_at=expires_at, seconds=body.for_seconds
        )
        return _answer(done)

    async def unblock(self, call: Call) -> Reply:
        """404 where nothing of the scope is halted, 409 where another origin has halted it."""
        body = read(parse_body(call, JsonLimits()), UnblockBody)
        return _answer(await self._desk.unblock(body.scope.scope(), self._by(call), body.reason))

    async def reset(self, call: Call) -> Reply:
        body = read(parse_body(call, JsonLimits()), ResetBody)
        await self._desk.reset(self._by(call), force=body.force)
        return ok({"reset": True})

    async def affected(self, call: Call) -> Reply:
        body = read(parse_body(call, JsonLimits()), AffectedBody)
        place = body.scope.scope()
        agents = await self._desk.affected(place)
        return ok({"agents": list(agents), "newest_seq": self._desk.newest_seq(place)})

    def _by(self, call: Call) -> str:
        return self._who(call.caller.uid)


def told_halt(order: Order) -> Object:
    """A halt for people; times in RFC 3339, None where there is none."""
    return {
        "scope": {"kind": order.scope.kind.value, "name": order.scope.name},
        "origin": order.origin.value,
        "reason": order.reason,
        "issued_by": order.issued_by,
        "issued_at": rfc3339(order.issued_at),
        "received_at": rfc3339(order.received_at),
        "expires_at": None if order.expires_at is None else rfc3339(order.expires_at),
        "proof": order.proof.value,
        "signer": order.signer,
        "seq": order.seq,
        "command_id": order.command_id,
    }


def _answer(done: Done) -> Reply:
    told = {
        **told_halt(done.order),
        "command": done.order.command.value,
        "in_force": True,
        "also_halted_by": [told_halt(halt) for halt in done.others],
    }
    if not done.unkept:
        return ok(told)
    return Reply(
        503, encode({**told, "detail": f"it is in force, but would not survive a restart: {done.unkept}"})
    )


def _guarded(handler: Callable[[Call], Awaitable[Reply]]) -> Handler:
    """What people can expect to be told is no failure of the daemon, and is not logged as one."""

    async def guarded(call: Call) -> Reply:
        try:
            return await handler(call)
        except SidecarError as error:
            status = _STATUSES.get(type(error))
            return from_error(error) if status is None else problem(status, str(error))

    return guarded
