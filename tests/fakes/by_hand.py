"""The kill switch and all that halts by hand around a fake log, signals and a file that the test turns."""

import json
import threading

from sidecar.adapters.sqlite import HaltsSqlite
from sidecar.api.admin_killswitch import AdminKillSwitch
from sidecar.api.listen import Door
from sidecar.api.message import HttpLimits, Incoming
from sidecar.api.router import Router
from sidecar.core.errors import StoreError
from sidecar.core.killswitch import Halts, agent_target
from sidecar.core.masking import Masker
from sidecar.core.model import Caller
from sidecar.service.killswitch.by_hand import user
from sidecar.service.killswitch.desk import Desk
from sidecar.service.killswitch.local import Local
from sidecar.service.killswitch.presence import Presence
from sidecar.service.killswitch.settling import Settling
from sidecar.service.killswitch.switch import KillSwitch
from sidecar.service.ports import HaltChange, Sentinel, Signalled
from sidecar.service.state import State
from tests.fakes.clock import TurnedClock
from tests.fakes.decision_log import FakeDecisionLog
from tests.tools.bundles import bundle

HALT = Signalled("SIGUSR1", True, 0, 11)
RELEASE = Signalled("SIGUSR2", False, 0, 12)


class FullDisk(HaltsSqlite):
    """The store on disk; while it is `full` nothing can be put, and `unforeseen` is raised by every put."""

    full = False
    unforeseen: Exception | None = None

    async def put(self, change: HaltChange) -> None:
        if self.unforeseen is not None:
            raise self.unforeseen
        if self.full:
            raise StoreError("the disk is full")
        await super().put(change)


class FakeHaltFile:
    """`found` is what there is; while it is `stuck`, looks do not come back. `looks` counts them."""

    name = "/state/halt"

    def __init__(self) -> None:
        self.found: Sentinel | None = None
        self.looks = 0
        self._free = threading.Event()
        self._free.set()

    def stick(self) -> None:
        self._free.clear()

    def free(self) -> None:
        self._free.set()

    def write(self, text: str) -> None:
        self.found = Sentinel(text.encode(), owner=1001)

    def look(self) -> Sentinel | None:
        self.looks += 1
        self._free.wait()
        return self.found


class FakeHaltSignals:
    """`came` is what has come since the last look."""

    def __init__(self) -> None:
        self.came: list[Signalled] = []

    def pending(self):
        came, self.came = self.came, []
        return sorted(came, key=lambda one: one.halts)


def name_of(uid: int) -> str:
    return {0: "root", 1001: "ann"}.get(uid, "")


class ByHand:
    """One host called `here` of the organization `acme`."""

    def __init__(self, folder, *, has_feed: bool = False, patience: float = 30.0) -> None:
        self.clock = TurnedClock()
        self.log = FakeDecisionLog(self.clock)
        self.state = State(Masker(bundle("rules: []\n").masking, b"k" * 32))
        self.store = FullDisk(folder)
        halts = Halts(here=("here",), organization="acme")
        self.switch = KillSwitch(self.state, self.store, self.log, self.clock, halts)
        self.settling = Settling(self.switch)
        self.file, self.signals = FakeHaltFile(), FakeHaltSignals()
        self.local = Local(self.switch, self.settling, self.file, self.signals, self.clock, name_of, patience)
        presence = Presence(self.state)
        self.desk = Desk(
            self.switch, self.settling, presence, self.state, self.log, self.clock, has_feed=has_feed
        )
        self.told = {"feed": lambda: {"state": "fine"}}
        admin = AdminKillSwitch(self.desk, lambda uid: user(uid, name_of), self.told)
        self._door = Door(Router(admin.routes()), HttpLimits())

    async def start(self) -> "ByHand":
        await self.switch.start()
        await self.local.start()
        return self

    async def close(self) -> None:
        self.file.free()
        await self.local.close()
        await self.switch.close()

    async def ask(self, verb: str, body=None, uid: int | None = 1001):
        """Status and body of what the admin socket answers."""
        path = "/v1/killswitch" + (f"/{verb}" if verb else "")
        raw = b"" if body is None else json.dumps(body).encode()
        given = {"content-type": "application/json"}
        method = "POST" if verb else "GET"
        reply = await self._door.respond(Incoming(method, path, given, raw, Caller(uid), True))
        return reply.status, json.loads(reply.body)

    def halts(self, agent: str = "agent:a") -> bool:
        """Whether a request of the agent is halted."""
        return self.state.snapshot.halts.find(agent_target(agent), self.clock.now()) is not None

    def held(self) -> list[str]:
        return sorted(f"{one.origin} {one.scope}" for one in self.switch.in_force())

    def recorded(self) -> list[str]:
        """Commands with whoever gave them, in the order of the log."""
        found = [record["order"] for record in self.log.records if record["type"] == "kill_switch_order"]
        return [f"{order['command']} by {order['issued_by']}" for order in found]
