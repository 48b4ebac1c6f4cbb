"""The port Platform in memory, on the same books as the simulator. Tests can make it fail, or not answer at all."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec

from sidecar.core.breaker import Phase
from sidecar.core.digest import request_digest
from sidecar.core.model import Caller, Object, Request
from sidecar.core.platform import (
    PlatformApproval,
    Reason,
    Scored,
    Unavailable,
    is_identifier,
    parse_approval,
    parse_score,
    submit_body,
)
from sidecar.core.record import Trace
from sidecar.service.ports import PlatformCall, PlatformReply
from tests.fakes.platform_book import PlatformBook

_NO_ID: Final = Unavailable(Reason.UNSENDABLE, detail="it is not an id")


class FakePlatform:
    """`failing` is what every call gets while it is set; while `silent`, calls wait for as long as they may.

    `calls` counts them, answered or not. `meanwhile` happens once, while the next call is under way.
    """

    def __init__(self, book: PlatformBook | None = None) -> None:
        self.book = book or PlatformBook()
        self.failing: Unavailable | None = None
        self.silent = False
        self.name = "platform.example"
        self.phase = Phase.CLOSED
        self.calls = 0
        self.meanwhile: Callable[[], Awaitable[object]] | None = None
        self._numbers = itertools.count(1)

    def loops_back(self, headers: Mapping[str, str]) -> bool:
        return "ascend-sidecar/fake" in headers.get("via", "")

    async def score(
        self, request: Request, caller: Caller, trace: Trace, within: float, via: str = ""
    ) -> Scored | Unavailable:
        digest = request_digest(request, caller, frozenset())
        mark = trace.correlation_id or f"fake-{next(self._numbers)}"
        body = submit_body(request)
        call = PlatformCall("POST", "/api/v1/actions/submit", body, correlation_id=f"{digest} {mark}")
        told = await self.send(call, within)
        return told if isinstance(told, Unavailable) else parse_score(told.status, told.body)

    async def status(self, action_id: str, within: float) -> Scored | Unavailable:
        if not is_identifier(action_id):
            return _NO_ID
        told = await self.send(PlatformCall("GET", f"/api/v1/actions/{action_id}/status"), within)
        return told if isinstance(told, Unavailable) else parse_score(told.status, told.body, action_id)

    async def approval(self, approval_request_id: str, within: float) -> PlatformApproval | Unavailable:
        if not is_identifier(approval_request_id):
            return _NO_ID
        told = await self.send(PlatformCall("GET", f"/api/sdk/approval/{approval_request_id}"), within)
        return told if isinstance(told, Unavailable) else parse_approval(told.status, told.body)

    async def send(self, call: PlatformCall, within: float) -> PlatformReply | Unavailable:
        self.calls += 1
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        if self.failing is not None:
            return self.failing
        if within <= 0 or self.silent:
            await asyncio.sleep(max(within, 0))
            return Unavailable(Reason.TIMEOUT)
        if call.sender is not None and call.sender.headers.get("X-API-Key") not in self.book.keys:
            return PlatformReply(401, {"detail": "Invalid API key"})
        correlation_id = call.correlation_id or f"fake-{next(self._numbers)}"
        status, body = self.book.answer(call.method, call.path, _copied(call.body), correlation_id)
        return PlatformReply(status, _copied(body))

    async def close(self) -> None:
        """There is nothing to let go."""


def _copied(body: Object | None) -> Object | None:
    """As it is after a journey over a network."""
    return None if body is None else msgspec.json.decode(msgspec.json.encode(body))
