"""Alarms: everyone who must know at once of an order, and of what comes about without one."""

from dataclasses import dataclass

from sidecar.daemon.killswitch import Switching
from sidecar.service.approvals import Approvals
from sidecar.service.halting import Halting
from sidecar.service.killswitch.asked_by import AskedBy
from sidecar.service.killswitch.endings import Endings
from sidecar.service.killswitch.streams import Streams
from sidecar.service.killswitch.unending import Loop
from sidecar.service.killswitch.vigil import Vigil
from sidecar.service.ports import Clock
from sidecar.service.state import State


@dataclass(frozen=True, slots=True)
class Alarms:
    """`close` tells those who listen that nothing more comes."""

    asked_by: AskedBy
    streams: Streams
    vigil: Vigil
    endings: Endings
    switching: Switching

    def start(self) -> None:
        """The halts of the last run have been taken up."""
        self.vigil.ordered(self.switching.switch.book.halts())

    def forever(self) -> tuple[Loop, ...]:
        """The loops that `run` keeps going, come what may."""
        return (self.endings.run, self.streams.run, self.vigil.run)

    def close(self) -> None:
        self.streams.close()


def build_alarms(state: State, clock: Clock, switching: Switching, approvals: Approvals) -> Alarms:
    """Orders reach approvals, streams and the vigil; what the vigil sees reaches waits and streams."""
    asked_by = AskedBy()
    streams = Streams(state, switching.presence, asked_by, clock, switching.switch.in_force)
    vigil, endings = Vigil(state, clock), Endings(approvals, Halting(state, clock), state)
    for listener in (endings.ordered, streams.ordered, vigil.ordered):
        switching.switch.on_change(listener)
    for looker in (endings.blinded, streams.looked):
        vigil.on_change(looker)
    approvals.on_resolved(streams.resolved)
    return Alarms(asked_by, streams, vigil, endings, switching)
