"""Roster: the agents that ask this daemon, and when the platform's commands for each were read last.

The API lists commands by agent, so that each agent costs a request. At most 64 are read in a round, those first whose
turn was longest ago, and only agents that asked within the last five minutes. An agent that was never read, or longer
ago than the limit, is read before it is judged; if that fails, it is blind. The limit is `blind_after`, or twice what
a round of all takes where that is longer: with a poll of 2 s it is 10 s for up to 128 agents, and 10.5 minutes for
10,000, so a large fleet needs the queue or a signed state document for halts within a second.
"""

import asyncio
import logging
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from urllib.parse import quote

import msgspec
from immutables import Map

from sidecar.core.delegation import Lineage
from sidecar.core.errors import AuditError, KillSwitchError, StoreError
from sidecar.core.killswitch.platform_state import read_commands
from sidecar.core.killswitch.scope import Kind, normalized
from sidecar.core.platform import Unavailable
from sidecar.service.asked import Asked
from sidecar.service.killswitch.switch import KillSwitch
from sidecar.service.ports import Clock, Metrics, Platform, PlatformCall
from sidecar.service.state import State

AGENTS: Final = 10_000
A_ROUND: Final = 64
_AT_ONCE: Final = 16
_IDLE: Final = 300.0
_ID_CHARS: Final = 512
_OK: Final = 200
_logger = logging.getLogger(__name__)


class Entry(msgspec.Struct, gc=False):
    """Seconds of the monotonic clock; `read_at` is when the question was sent that was answered last."""

    asked_at: float
    read_at: float = float("-inf")
    tried_at: float = float("-inf")


class Roster:
    """`failures` counts reads of an agent that told nothing, by why."""

    def __init__(
        self,
        platform: Platform,
        switch: KillSwitch,
        state: State,
        clock: Clock,
        *,
        poll: float,
        blind_after: float,
        timeout: float,
        metrics: Metrics | None = None,
    ) -> None:
        """`poll` seconds between two rounds; `timeout` of one request."""
        self.failures: Counter[str] = Counter()
        self._platform = platform
        self._switch = switch
        self._state = state
        self._clock = clock
        self._poll = poll
        self._blind_after = blind_after
        self._timeout = timeout
        self._metrics = metrics
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._unread: Map[str, bool] = Map()
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._round: asyncio.Task[None] | None = None
        self._again = False
        self._turn = asyncio.Semaphore(_AT_ONCE)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def limit(self) -> float:
        """How many seconds ago an agent may have been read that is judged."""
        rounds = -(-len(self._entries) // A_ROUND)
        return max(self._blind_after, 2 * rounds * self._poll)

    def lacking(self, asked: Asked) -> Sequence[str]:
        """Those of who acts, and of whom it is done for, that must be read before it can be judged."""
        now, limit = self._clock.monotonic(), self.limit
        return [agent for agent in _agents(asked) if now - self._entry(agent, now).read_at > limit]

    async def read(self, agents: Iterable[str], within: float | None) -> None:
        """Returns once they are read, or blind, or `within` seconds have passed, which leaves them blind."""
        tasks = {agent: self._reading(agent) for agent in agents}
        if not tasks:
            return
        patience = self._timeout if within is None else min(within, self._timeout)
        await asyncio.wait(tasks.values(), timeout=patience)
        self._blind(tasks)  # those of them that were not read, whatever it was that went wrong

    def begin_round(self) -> None:
        """Read those whose turn it is, beside what else is done; once more if that is under way already."""
        if self._round is None or self._round.done():
            self._round = asyncio.get_running_loop().create_task(self._rounds())
        else:
            self._again = True

    def all_are_read(self) -> bool:
        """Whether none that asked lately was read too long ago."""
        now, limit = self._clock.monotonic(), self.limit
        return all(now - one.read_at <= limit for _, one in self._present(now))

    async def close(self) -> None:
        tasks = [*self._under_way.values(), *([self._round] if self._round else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _rounds(self) -> None:
        self._again = True
        while self._again:
            self._again = False
            present = dict(self._present(self._clock.monotonic()))
            turn = sorted(present, key=lambda agent: present[agent].tried_at)[:A_ROUND]
            await self.read(turn, None)
            now, limit = self._clock.monotonic(), self.limit
            self._blind([agent for agent, one in present.items() if now - one.read_at > limit])

    def _present(self, now: float) -> Iterator[tuple[str, Entry]]:
        return ((agent, one) for agent, one in self._entries.items() if now - one.asked_at <= _IDLE)

    def _entry(self, agent: str, now: float) -> Entry:
        entry = self._entries.get(agent)
        if entry is None:
            entry = self._entries[agent] = Entry(now)
            self._forget()
        entry.asked_at = now
        self._entries.move_to_end(agent)
        return entry

    def _forget(self) -> None:
        """Who asked longest ago; when such a one asks again, it is read first."""
        while len(self._entries) > AGENTS:
            agent, _ = self._entries.popitem(last=False)
            self._see(agent)

    def _reading(self, agent: str) -> "asyncio.Task[None]":
        """One request for all who wait for the same agent; it runs on when one of them leaves."""
        task = self._under_way.get(agent)
        if task is None:
            task = self._under_way[agent] = asyncio.get_running_loop().create_task(self._read(agent))
            task.add_done_callback(lambda _: self._under_way.pop(agent, None))
        return task

    async def _read(self, agent: str) -> None:
        async with self._turn:
            began = self._clock.monotonic()
            try:
                await self._ask(agent)
            except KillSwitchError as error:
                self._failed(agent, began, error)
            else:
                self._succeeded(agent, began)

    async def _ask(self, agent: str) -> None:
        if not agent or len(agent) > _ID_CHARS:
            raise KillSwitchError("unsendable", "its id cannot be asked for")
        as_of = self._clock.now()
        call = PlatformCall("GET", f"/api/registry/agents/{quote(agent, safe='')}/commands", is_watch=True)
        told = await self._platform.send(call, self._timeout)
        if isinstance(told, Unavailable):
            raise KillSwitchError(told.reason.value, f"the platform gives no answer ({told.reason.value})")
        if told.status != _OK:
            raise KillSwitchError("refused", f"the platform answers {told.status}")
        stated = read_commands(agent, told.body, as_of)
        try:
            for state in stated:
                await self._switch.restate(state)
        except (StoreError, AuditError) as error:
            _logger.error("a halt is in force and could not be kept: %s", error)

    def _succeeded(self, agent: str, began: float) -> None:
        entry = self._entries.get(agent)
        if entry is not None:
            entry.read_at = entry.tried_at = began
        if self._clock.monotonic() - began <= self.limit:
            self._see(agent)

    def _failed(self, agent: str, began: float, error: KillSwitchError) -> None:
        self.failures[error.what] += 1
        if self._metrics is not None:
            self._metrics.state_failed(f"agent_{error.what}")
        entry = self._entries.get(agent) or self._entry(agent, began)
        entry.tried_at = began
        if self._clock.monotonic() - entry.read_at > self.limit:
            _logger.warning("agent %s: its commands could not be read: %s", agent[:64], error)
            self._blind([agent])

    def _blind(self, agents: Iterable[str]) -> None:
        """An agent that was read while these waited is not blind."""
        now, limit = self._clock.monotonic(), self.limit
        entries = [(agent, self._entries.get(agent) or self._entry(agent, now)) for agent in agents]
        unread = self._unread
        for agent, entry in entries:
            if now - entry.read_at > limit:
                unread = unread.set(normalized(Kind.AGENT, agent), True)
        self._show(unread)

    def _see(self, agent: str) -> None:
        name = normalized(Kind.AGENT, agent)
        if name in self._unread:
            self._show(self._unread.delete(name))

    def _show(self, unread: Map[str, bool]) -> None:
        if unread != self._unread:
            self._unread = unread
            self._state.cannot_see(unread)


def _agents(asked: Asked) -> Sequence[str]:
    above = asked.kin.ancestors if isinstance(asked.kin, Lineage) else ()
    return [asked.request.subject.id, *(subject.id for subject in above)]
