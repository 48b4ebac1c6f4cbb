"""Local: halts by a signal and by the sentinel file, looked for before any door opens and then all the time.

SIGUSR1 halts everything on this host and SIGUSR2 ends that. It takes another signal to release, because whoever
sends the first one in a hurry sends it twice. What came between two looks has no order: a halt counts as the last.
"""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from sidecar.core.killswitch import Command, Order, Origin, Scope
from sidecar.core.killswitch.sentinel import EVERYTHING, read_sentinel
from sidecar.service.killswitch.by_hand import NameOf, local_order, user
from sidecar.service.killswitch.settling import Settling
from sidecar.service.killswitch.switch import KillSwitch
from sidecar.service.killswitch.unending import Loop
from sidecar.service.ports import Clock, HaltFile, HaltSignals, Sentinel, Signalled

_logger = logging.getLogger(__name__)
_EVERY: Final = 0.2
_PATIENCE: Final = 2.0


class Local:
    """Looks at both, and enforces what it sees at once; `settling` keeps it.

    `patience`: seconds that a look at the file may take.
    """

    def __init__(
        self,
        switch: KillSwitch,
        settling: Settling,
        file: HaltFile,
        signals: HaltSignals,
        clock: Clock,
        name_of: NameOf,
        patience: float = _PATIENCE,
    ) -> None:
        self._patience = patience
        self._switch = switch
        self._settling = settling
        self._file = file
        self._signals = signals
        self._clock = clock
        self._name_of = name_of
        self._held: dict[Scope, str] = {}
        # A thread of its own: look-ups of names can take all others, and the file is not to seem hidden then.
        self._thread = ThreadPoolExecutor(1, "halt-file")
        self._looking: asyncio.Future[Sentinel | None] | None = None

    async def start(self) -> None:
        """The first look, which knows what the last run left."""
        self._held = {order.scope: order.reason for order in self._switch.in_force([Origin.FILE])}
        self.look_for_signals()
        await self.look_at_file()
        await self._settling.once()

    def forever(self) -> tuple[Loop, ...]:
        """Apart, so that a disk that does not answer keeps no signal waiting."""
        return self._watch_signals, self._watch_file

    async def close(self) -> None:
        """A signal that comes while the daemon stops is for the next one."""
        self.look_for_signals()
        await self._settling.once()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def look_for_signals(self) -> None:
        """Enforce those that came."""
        self._enforce([order for one in self._signals.pending() for order in self._signalled(one)])

    async def look_at_file(self) -> None:
        """Bring its halts in line with the file as it is."""
        self._enforce(self._of_file(await self._see()))

    async def _watch_signals(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            self.look_for_signals()

    async def _watch_file(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            await self.look_at_file()

    def _enforce(self, orders: list[Order]) -> None:
        if not orders:
            return
        self._switch.apply(orders)
        self._settling.owe()
        for order in orders:
            _logger.warning("%s %s by %s: %s", order.command, order.scope, order.issued_by, order.reason)

    def _signalled(self, one: Signalled) -> list[Order]:
        by, now = user(one.uid, self._name_of, one.pid), self._clock.now()
        if one.halts:
            return [local_order(Command.BLOCK, Origin.SIGNAL, EVERYTHING, now, by=by, reason=one.name)]
        return [
            local_order(Command.UNBLOCK, Origin.SIGNAL, halt.scope, now, by=by, reason=one.name)
            for halt in self._switch.in_force([Origin.SIGNAL])
        ]

    async def _see(self) -> Sentinel | None:
        """A disk that does not answer hides a file that may be there; its call is waited for, and none is added."""
        if self._looking is None:
            self._looking = asyncio.get_running_loop().run_in_executor(self._thread, self._file.look)
        done, _ = await asyncio.wait({self._looking}, timeout=self._patience)
        if not done:
            return Sentinel(None, "the disk does not answer")
        looking, self._looking = self._looking, None
        return looking.result()

    def _of_file(self, seen: Sentinel | None) -> list[Order]:
        """What has to change for the file's halts to be those that it names now."""
        wanted = self._wanted(seen)
        if wanted == self._held:
            return []
        now = self._clock.now()
        by = user(seen.owner, self._name_of) if seen else f"whoever removed {self._file.name}"
        more = [scope for scope, reason in wanted.items() if self._held.get(scope) != reason]
        over = [scope for scope in self._held if scope not in wanted]
        self._held = wanted
        return [
            *(
                local_order(Command.BLOCK, Origin.FILE, scope, now, by=by, reason=wanted[scope])
                for scope in more
            ),
            *(local_order(Command.UNBLOCK, Origin.FILE, scope, now, by=by) for scope in over),
        ]

    def _wanted(self, seen: Sentinel | None) -> dict[Scope, str]:
        if seen is None:
            return {}
        if seen.raw is None:
            return {EVERYTHING: f"{self._file.name}: {seen.why}"}
        return {
            scope: reason or f"{self._file.name} is there"
            for scope, reason in read_sentinel(seen.raw).items()
        }
