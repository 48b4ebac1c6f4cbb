"""The port Platform over HTTP.

A call runs on to its own end though its caller has left: a caller's patience says nothing of the platform, and must
neither open the breaker for others nor end the probe that they wait for. Only repeats are for callers that are there.
Calls that are passed on have a breaker of their own, so that no sender can keep the daemon from asking; so has
what is said in the background, so that no backlog can.
"""

import asyncio
import hashlib
import random
import secrets
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from sidecar.adapters.platform_http.address import Address
from sidecar.adapters.platform_http.credentials import Rotating, UnusableCredential
from sidecar.adapters.platform_http.exchange import Exchange
from sidecar.adapters.platform_http.gate import Gate
from sidecar.adapters.platform_http.headers import Headers
from sidecar.adapters.platform_http.repeating import Repeating
from sidecar.adapters.platform_http.replies import Attempt
from sidecar.adapters.platform_http.settings import PlatformSettings
from sidecar.core.breaker import Limits, Phase
from sidecar.core.digest import request_digest
from sidecar.core.model import Caller, Request
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
from sidecar.service.ports import Clock, PlatformCall, PlatformReply

_ACTIONS: Final = "/api/v1/actions"
_APPROVALS: Final = "/api/sdk/approval"
_NO_ID: Final = Unavailable(Reason.UNSENDABLE, detail="it is not an id")

Told = PlatformReply | Unavailable


class PlatformHttp:
    """One platform. Use it in one loop; `close` ends what is under way."""

    def __init__(
        self,
        settings: PlatformSettings,
        clock: Clock,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Raises ValueError with a sentence for what can never work. `chance` is from 0 to below 1."""
        self.name = urlsplit(settings.url).hostname or ""
        secret = settings.signing_secret
        self._key = Rotating(settings.key, "the API key")
        signing = None if secret is None else Rotating(secret, "the signing secret")
        self._headers = Headers(settings.host_id, settings.environment, self._key, signing)
        self._exchange = Exchange(Address.parse(settings.url), self._headers, settings.ca_file)
        self._repeating = Repeating(chance)
        self._timeout = settings.timeout
        self._clock = clock
        self._own, self._passed_on = Gate(clock.monotonic), Gate(clock.monotonic)
        self._background = Gate(clock.monotonic)
        # To be blind is to deny, so that whether the platform is back is asked all the time, by one call at a time.
        self._watching = Gate(clock.monotonic, Limits(rest=0.0))
        self._at_work: set[asyncio.Task[Told]] = set()

    @property
    def phase(self) -> Phase:
        """Whether the daemon's own calls go through."""
        return self._own.phase

    def loops_back(self, headers: Mapping[str, str]) -> bool:
        """Whether a request that came in with these headers is one that this daemon sent."""
        return self._headers.loops_back(headers)

    async def score(
        self, request: Request, caller: Caller, trace: Trace, within: float, via: str = ""
    ) -> Scored | Unavailable:
        """As the port says."""
        call = PlatformCall(
            "POST",
            f"{_ACTIONS}/submit",
            submit_body(request),
            correlation_id=_correlation_id(request, caller, trace),
            traceparent=trace.traceparent,
            via=via,
        )
        told = await self.send(call, within)
        return told if isinstance(told, Unavailable) else parse_score(told.status, told.body)

    async def status(self, action_id: str, within: float) -> Scored | Unavailable:
        if not is_identifier(action_id):
            return _NO_ID
        told = await self.send(PlatformCall("GET", f"{_ACTIONS}/{action_id}/status"), within)
        return told if isinstance(told, Unavailable) else parse_score(told.status, told.body, action_id)

    async def approval(self, approval_request_id: str, within: float) -> PlatformApproval | Unavailable:
        if not is_identifier(approval_request_id):
            return _NO_ID
        told = await self.send(PlatformCall("GET", f"{_APPROVALS}/{approval_request_id}"), within)
        return told if isinstance(told, Unavailable) else parse_approval(told.status, told.body)

    async def send(self, call: PlatformCall, within: float) -> Told:
        """As the port says."""
        if within <= 0:
            return Unavailable(Reason.TIMEOUT)
        task = asyncio.ensure_future(self._call(call, within))
        self._at_work.add(task)
        task.add_done_callback(self._at_work.discard)
        await asyncio.wait({task}, timeout=within)
        if task.cancelled():
            return Unavailable(Reason.CUT, detail="the daemon ends")
        return task.result() if task.done() else Unavailable(Reason.TIMEOUT)

    async def close(self) -> None:
        for task in self._at_work:
            task.cancel()
        await asyncio.gather(*self._at_work, return_exceptions=True)
        await self._exchange.close()

    async def _call(self, call: PlatformCall, within: float) -> Told:
        gate = self._gate(call)
        ticket = gate.enter()
        if isinstance(ticket, Unavailable):
            return ticket
        told: Told | None = None
        try:
            async with asyncio.timeout(self._timeout):
                told = await self._attempts(call, self._clock.monotonic() + min(within, self._timeout))
        except TimeoutError:
            told = Unavailable(Reason.TIMEOUT)
        finally:
            gate.leave(ticket, told)
        return told

    def _gate(self, call: PlatformCall) -> Gate:
        if call.sender is not None:
            return self._passed_on
        if call.is_watch:
            return self._watching
        return self._background if call.in_background else self._own

    async def _attempts(self, call: PlatformCall, until: float) -> Told:
        correlation_id = call.correlation_id or f"asc_{secrets.token_hex(8)}"
        repeats, renewed = 0, False
        while True:
            attempt = await self._exchange.attempt(call, correlation_id, self._clock.now())
            if not renewed and await self._has_new_key(attempt):
                renewed = True
                continue
            pause = self._repeating.pause(call, attempt, repeats, until - self._clock.monotonic())
            if pause is None:
                return attempt.told
            await asyncio.sleep(pause)
            repeats += 1

    async def _has_new_key(self, attempt: Attempt) -> bool:
        """Whether the key was rotated under a call that it did not open the door for."""
        told = attempt.told
        if not isinstance(told, Unavailable) or told.reason is not Reason.UNAUTHORIZED:
            return False
        try:
            return await self._key.is_renewed()
        except UnusableCredential:
            return False


def _correlation_id(request: Request, caller: Caller, trace: Trace) -> str:
    """One for each caller, request and id of the caller's: two callers' ids never meet under the daemon's one key.

    Without an id of the caller's, each submit is an action of its own.
    """
    if not trace.correlation_id:
        return f"asc_{secrets.token_hex(16)}"
    digest = request_digest(request, caller, frozenset())
    return f"asc_{hashlib.sha256(f'{digest} {trace.correlation_id}'.encode()).hexdigest()[:32]}"
