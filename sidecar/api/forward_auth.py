"""Forward auth: Envoy ext_authz (HTTP service) and nginx auth_request ask whether the request they hold may pass.

A gateway that gets no answer, or one that it does not understand, may be told by its operator to let everything
pass. So everything that reaches this door is answered by 200, 401 or 403, in time, whatever happens here: no error
of ours, no bound on bytes or requests and no slow disk or platform answers in any other way.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from sidecar.api.drive import Drive
from sidecar.api.forward_auth_answers import answered, not_decided
from sidecar.api.forward_auth_request import ENVOY, PREFIX, NotAsked, Reading, Reason, read_asked
from sidecar.api.guards import CallerGuard
from sidecar.api.message import Incoming
from sidecar.api.prefer import expected_by_envoy
from sidecar.api.wire import Call, Reply
from sidecar.core.errors import RequestError
from sidecar.core.model import Door
from sidecar.service.asked import Answer, Asked
from sidecar.service.decide import Decider
from sidecar.service.ports import Metrics
from sidecar.service.state import State

_logger = logging.getLogger(__name__)
_LATE: Final = "There was no decision in time."
FAILED: Final = "The daemon failed; nothing was decided."


class ForwardAuth:
    """The dialect. `within`: seconds to answer in, or fewer where the gateway waits for fewer."""

    def __init__(
        self,
        decider: Decider,
        state: State,
        callers: CallerGuard,
        reading: Reading,
        within: float,
        metrics: Metrics,
    ) -> None:
        self._decider = decider
        self._state = state
        self._callers = callers
        self._reading = reading
        self._within = within
        self._metrics = metrics

    def is_meant(self, target: str) -> bool:
        """Whether this request is for this door."""
        return target.startswith(PREFIX)

    def refusal(self, seen: bytes, reply: Reply) -> Reply:
        """In place of the answer to a message that cannot be read to its end, if it seems to be for this door.

        `seen` begins with its target or before that, and may go on beyond it.
        """
        if PREFIX.encode() not in seen:
            return reply
        return self.refuse(Reason.BAD_REQUEST, "The request cannot be read, or is too large or slow.", {})

    def refuse(self, why: Reason, message: str, asked: Mapping[str, str]) -> Reply:
        """401 or 403 without a decision; `asked` are the headers, as far as they are known."""
        _logger.warning("forward auth refused a request: %s", why)
        self._metrics.gateway_refused(why)
        return not_decided(why, message, asked)

    async def respond(self, incoming: Incoming) -> Reply:
        """200, 401 or 403. Never raises but on cancellation."""
        headers = incoming.headers
        try:
            return await self._decided(incoming)
        except NotAsked as error:
            return self.refuse(error.why, str(error), headers)
        except RequestError:
            return self.refuse(Reason.UNAUTHENTICATED, "A valid bearer token is required.", headers)
        except Exception:
            _logger.exception("forward auth came to no question")
            return self.refuse(Reason.INTERNAL_ERROR, FAILED, headers)

    async def _decided(self, incoming: Incoming) -> Reply:
        headers = incoming.headers
        within = self._patience(incoming)
        caller = self._callers.identify(headers, incoming.peer)
        request = read_asked(incoming, caller, self._reading, self._state)
        call = Call(headers, b"", caller)
        trace = call.trace()
        asked = Asked(request, caller, Door.FORWARD_AUTH, trace, call.via)
        answer = await self._in_time(asked, within)
        return answered(answer, request.subject, headers, trace)

    def _patience(self, incoming: Incoming) -> float:
        """Less than `within` where Envoy says so; through nginx that header would be the client's."""
        expected = expected_by_envoy(incoming.headers) if incoming.target.startswith(ENVOY) else 0.0
        return min(expected or self._within, self._within)

    async def _in_time(self, asked: Asked, within: float) -> Answer:
        """The answer, or NotAsked: what is decided later is on record, and given to nobody."""
        loop = asyncio.get_running_loop()
        first: asyncio.Future[Answer | NotAsked | None] = loop.create_future()

        def settle(answer: Answer | NotAsked | None = None) -> None:
            if not first.done():
                first.set_result(answer)

        timer = loop.call_later(within, settle)
        Drive(settle, loop).start(self._decide(asked, within))
        try:
            answer = await first
        finally:
            timer.cancel()
        if isinstance(answer, Answer):
            return answer
        raise answer or NotAsked(Reason.DEADLINE, _LATE)

    async def _decide(self, asked: Asked, within: float) -> Answer | NotAsked:
        """Never raises but on cancellation: nothing would take it up here."""
        try:
            return await self._decider.decide(asked, within)
        except Exception:
            _logger.exception("forward auth came to no decision")
            return NotAsked(Reason.INTERNAL_ERROR, FAILED)
