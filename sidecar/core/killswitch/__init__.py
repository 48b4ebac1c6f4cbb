"""The kill switch: orders, the book of them, and the halts that a decision looks at."""

from sidecar.core.killswitch.halts import NO_HALTS, Halts
from sidecar.core.killswitch.order import Command, Order, Origin, Proof
from sidecar.core.killswitch.recalled import recalled
from sidecar.core.killswitch.ruling import objection
from sidecar.core.killswitch.scope import Kind, Scope, scope
from sidecar.core.killswitch.target import Target, agent_target, target_of
from sidecar.core.killswitch.told import told_of

__all__ = [
    "NO_HALTS",
    "Command",
    "Halts",
    "Kind",
    "Order",
    "Origin",
    "Proof",
    "Scope",
    "Target",
    "agent_target",
    "objection",
    "recalled",
    "scope",
    "target_of",
    "told_of",
]
