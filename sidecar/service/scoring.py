"""Scoring: what the platform says of a request, asked once for all who wait for the same, and kept for a short while.

A call belongs to all of its callers: it runs on when one of them leaves. Holds are never kept.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Set as AbstractSet
from typing import Final

import msgspec

from sidecar.core.digest import request_digest
from sidecar.core.model import Caller, Request, Verdict
from sidecar.core.platform import Reason, Scored, Unavailable
from sidecar.core.policy import Remote
from sidecar.core.record import Trace
from sidecar.core.scoring import Facts
from sidecar.service.ports import Clock, Platform

_KEPT_AT_MOST: Final = 4096
Key = tuple[str, str, str]


class Question(msgspec.Struct, frozen=True, gc=False):
    """One request that the platform is to score. `revision` is the digest of the bundle that asks for it."""

    request: Request
    caller: Caller
    trace: Trace
    via: str
    remote: Remote
    revision: str
    volatile: AbstractSet[str]

    @property
    def key(self) -> Key:
        digest = request_digest(self.request, self.caller, self.volatile)
        return self.caller.key, digest, self.revision


class Scoring:
    """`platform` is None where none is configured: then nothing is known of any request."""

    def __init__(self, platform: Platform | None, clock: Clock, timeout: float) -> None:
        self._platform = platform
        self._clock = clock
        self._timeout = timeout
        self._under_way: dict[Key, asyncio.Task[Scored | Unavailable]] = {}
        self._kept: OrderedDict[Key, tuple[float, Scored]] = OrderedDict()

    def loops_back(self, via: str) -> bool:
        """Whether a request that came with this `Via` is one that this daemon sent to its platform."""
        return self._platform is not None and self._platform.loops_back({"via": via})

    async def facts(self, question: Question, within: float | None) -> Facts:
        """The platform's answer within that many seconds, at most the platform's own timeout."""
        if self._platform is None:
            return None
        key = question.key
        kept = self._kept.get(key)
        if kept is not None and self._clock.monotonic() < kept[0]:
            return kept[1]
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._ask(key, question))
            self._under_way[key] = task
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        done, _ = await asyncio.wait({task}, timeout=self._patience(within))
        return task.result() if done else Unavailable(Reason.TIMEOUT)

    async def standing(self, action_id: str, within: float | None) -> Facts:
        """Where an action that was submitted before stands now, within that many seconds."""
        if self._platform is None:
            return None
        return await self._platform.status(action_id, self._patience(within))

    def _patience(self, within: float | None) -> float:
        return self._timeout if within is None else min(within, self._timeout)

    async def close(self) -> None:
        if self._platform is not None:
            await self._platform.close()

    async def _ask(self, key: Key, question: Question) -> Scored | Unavailable:
        if self._platform is None:
            return Unavailable(Reason.REFUSED)
        facts = await self._platform.score(
            question.request, question.caller, question.trace, self._timeout, question.via
        )
        is_final = isinstance(facts, Scored) and facts.verdict is not Verdict.PENDING
        if isinstance(facts, Scored) and is_final and question.remote.cache:
            self._kept[key] = (self._clock.monotonic() + question.remote.cache, facts)
            while len(self._kept) > _KEPT_AT_MOST:
                self._kept.popitem(last=False)
        return facts
