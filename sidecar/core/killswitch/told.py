"""What callers are told of a halt."""

from typing import Final

from sidecar.core.killswitch.order import Order

_REASON: Final = 512


def told_of(halt: Order) -> str:
    """One sentence: what is halted, by whom, why."""
    by = f" by {halt.issued_by}" if halt.issued_by else ""
    why = f": {halt.reason}" if halt.reason else "."
    return f"Halted{by} ({halt.scope}){why}"[:_REASON]
