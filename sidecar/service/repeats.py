"""Repeats: the same submit sent again is the same action, so that a retry neither doubles nor loosens anything.

By correlation id: the same caller and digest within five minutes is the same action. While the first is at work
the second waits for it and shares its answer; afterwards it is judged again and may only tighten. Another digest
or caller under the same id is refused. A new id joins only an identical request that is still at work. After a
restart a repeat is a new action.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from sidecar.core.digest import request_digest
from sidecar.core.errors import RequestError
from sidecar.service.asked import Answer, Asked
from sidecar.service.decide import Decider
from sidecar.service.ports import Clock
from sidecar.service.state import State

_KEPT_SECONDS = 300.0
_KEPT_AT_MOST = 10_000


@dataclass(frozen=True, slots=True)
class _Entry:
    key: tuple[str, str]
    answer: asyncio.Future[Answer]
    expires: float


class Repeats:
    """The bounded table of submits that may come again."""

    def __init__(self, decider: Decider, state: State, clock: Clock) -> None:
        self._decider = decider
        self._state = state
        self._clock = clock
        self._by_id: OrderedDict[str, _Entry] = OrderedDict()
        self._at_work: dict[tuple[str, str], asyncio.Future[Answer]] = {}

    async def submit(self, asked: Asked, within: float | None = None) -> Answer:
        """The answer to a submit or to its repeat. Raises RequestError (422) for an id used for something else.

        `within`: seconds of the caller's patience; who waits for the first waits as long as that does.
        """
        key = (asked.caller.key, request_digest(asked.request, asked.caller, self._volatile()))
        first = self._first(asked.trace.correlation_id, key)
        if first is None:
            return await self._join_or_decide(asked, key, within)
        if not first.answer.done():
            return await asyncio.shield(first.answer)
        return await self._again(asked, first.answer.result(), within)

    def _volatile(self) -> frozenset[str]:
        bundle = self._state.snapshot.bundle
        return frozenset(bundle.policies.defaults.volatile) if bundle else frozenset()

    def _first(self, correlation_id: str, key: tuple[str, str]) -> _Entry | None:
        entry = self._by_id.get(correlation_id) if correlation_id else None
        if entry is None or entry.expires <= self._clock.monotonic():
            return None
        if entry.key != key:
            message = "was used for another action or by another caller; a new action needs a new id"
            raise RequestError(message, field="X-Correlation-ID", status=422)
        return entry

    async def _join_or_decide(self, asked: Asked, key: tuple[str, str], within: float | None) -> Answer:
        at_work = self._at_work.get(key)
        if at_work is not None:
            self._remember(asked.trace.correlation_id, key, at_work)
            return await asyncio.shield(at_work)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._at_work[key] = future
        self._remember(asked.trace.correlation_id, key, future)
        try:
            answer = await self._decider.decide(asked, within)
        except BaseException:
            self._by_id.pop(asked.trace.correlation_id, None)
            future.cancel()
            raise
        finally:
            del self._at_work[key]
        future.set_result(answer)
        if answer.receipt is None:
            self._by_id.pop(asked.trace.correlation_id, None)
        return answer

    def _remember(self, correlation_id: str, key: tuple[str, str], answer: asyncio.Future[Answer]) -> None:
        if not correlation_id:
            return
        self._by_id[correlation_id] = _Entry(key, answer, self._clock.monotonic() + _KEPT_SECONDS)
        while len(self._by_id) > _KEPT_AT_MOST:
            self._by_id.popitem(last=False)

    async def _again(self, asked: Asked, first: Answer, within: float | None) -> Answer:
        again = await self._decider.decide(asked, within, first)
        if again.decision.verdict is first.decision.verdict:
            return Answer(again.decision, first.receipt, first.hold)
        return again
