"""The ASCEND API alone as an authority: the organization's switch at each look, the agents' commands by turns."""

from typing import Final

from sidecar.core.errors import FeedError
from sidecar.core.killswitch import Kind, Scope
from sidecar.core.killswitch.book import Epoch, State
from sidecar.core.killswitch.platform_state import read_status
from sidecar.core.killswitch.scope import ANY
from sidecar.core.platform import Unavailable
from sidecar.service.killswitch.roster import Roster
from sidecar.service.killswitch.switch import KillSwitch
from sidecar.service.ports import Clock, Platform, PlatformCall, Reading

_STATUS: Final = PlatformCall("GET", "/api/sdk/kill-switch/status", is_watch=True)
_OK: Final = 200


class PlatformState:
    """The port StateSource. `roster` reads the commands, and brings what they say into force by itself."""

    def __init__(
        self, platform: Platform, roster: Roster, switch: KillSwitch, clock: Clock, timeout: float
    ) -> None:
        """`timeout`: seconds for one request."""
        self.name = f"platform {platform.name}"
        self._platform = platform
        self._roster = roster
        self._clock = clock
        self._timeout = timeout
        self._switch = switch

    async def read(self, newest: Epoch) -> Reading | None:  # noqa: ARG002 - the API counts nothing
        """As the port says. What is true of the organization is as of before we asked."""
        as_of = self._clock.now()
        told = await self._platform.send(_STATUS, self._timeout)
        if isinstance(told, Unavailable):
            raise FeedError(told.reason.value, f"{self.name}: no answer ({told.reason.value})")
        if told.status != _OK:
            raise FeedError("refused", f"{self.name}: the status of the kill switch answers {told.status}")
        halt = read_status(told.body, as_of)
        self._roster.begin_round()
        halts = () if halt is None else (halt,)
        # The whole is known for as long as an agent that is not yet read is not judged.
        return Reading(State(as_of, halts, covers=self._covered(), is_whole=self._roster.all_are_read()))

    def _covered(self) -> frozenset[Scope]:
        """The organization, by whatever name an order of the queue has halted it here."""
        named = self._switch.halts.named.get(Kind.ORGANIZATION, ())
        return frozenset(Scope(Kind.ORGANIZATION, name) for name in (ANY, *named))

    async def close(self) -> None:
        await self._roster.close()
