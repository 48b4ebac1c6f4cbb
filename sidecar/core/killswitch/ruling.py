"""What the kill switch says of one target: the deny, if there is one."""

from typing import Final

from sidecar.core.killswitch.halts import Halts
from sidecar.core.killswitch.target import Target
from sidecar.core.killswitch.told import told_of
from sidecar.core.model import Code, Control, Ruling, Verdict

DAMAGED: Final = "What was halted on this host is lost, so everything is halted until it is known again."

UNREAD: Final = "Nobody can say whether this agent is halted: its commands could not be read."


def objection(halts: Halts, target: Target, now: float, *, decides_blind: bool = False) -> Ruling | None:
    """None where nothing is halted that this is, or is for. `decides_blind`: policy goes on without sight."""
    if halts.is_clear:
        return None
    halt = halts.find(target, now)
    if halt is not None:
        return _deny(Code.HALTED, told_of(halt))
    if halts.is_damaged:
        return _deny(Code.HALTED, DAMAGED)
    if halts.blinds(target) and not decides_blind:
        return _deny(Code.KILL_SWITCH_BLIND, halts.why_blind or UNREAD)
    return None


def _deny(code: Code, reason: str) -> Ruling:
    return Ruling(Control.KILL_SWITCH, Verdict.DENY, code, reason)
