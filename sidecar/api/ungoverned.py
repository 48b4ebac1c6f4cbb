"""The route by which an agent that went on without a daemon says so, as soon as it finds one again."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from sidecar.api.wire import Call, Reply, Route, ok, parse_body, read
from sidecar.core.errors import RequestError
from sidecar.core.ijson import JsonLimits
from sidecar.core.record import UngovernedRecord
from sidecar.service.ports import Clock
from sidecar.service.ungoverned import Ungoverned

Name = Annotated[str, Meta(min_length=1, max_length=1024)]
Moment = Annotated[float, Meta(ge=0, le=253402300799)]  # RFC 3339 ends with the year 9999
_LISTED: Final = 100


class Done(msgspec.Struct, frozen=True):
    """One action, and when, in epoch seconds of the agent's clock."""

    action: Name
    resource: Annotated[str, Meta(max_length=4096)]
    at: Moment


class Report(msgspec.Struct, frozen=True):
    """How many actions went ahead without a decision, between when and when, and the first hundred of them."""

    agent: Name
    count: Annotated[int, Meta(ge=1, le=1_000_000_000)]
    first_at: Moment
    last_at: Moment
    actions: Annotated[list[Done], Meta(max_length=_LISTED)] = []


class UngovernedDoor:
    """The one route."""

    def __init__(self, ungoverned: Ungoverned, clock: Clock, limits: JsonLimits) -> None:
        self._ungoverned = ungoverned
        self._clock = clock
        self._limits = limits

    def routes(self) -> tuple[Route, ...]:
        about = "Report actions that went ahead because no daemon could be reached."
        return (Route("POST", "/v1/ungoverned", self.tell, reads_json=True, about=about, reads=Report),)

    async def tell(self, call: Call) -> Reply:
        report = read(parse_body(call, self._limits), Report)
        agent = report.agent if ":" in report.agent else f"agent:{report.agent}"
        if not self._ungoverned.may_tell(agent, call.caller):
            message = f"{agent} is bound to another uid or token than the caller's"
            raise RequestError(message, field="agent", status=403)
        record = UngovernedRecord(
            agent,
            report.count,
            report.first_at,
            report.last_at,
            call.caller,
            self._clock.now(),
            {"actions": msgspec.to_builtins(report.actions)} if report.actions else {},
        )
        receipt = await self._ungoverned.tell(record)
        return ok({"recorded": report.count, "audit": msgspec.to_builtins(receipt)})
