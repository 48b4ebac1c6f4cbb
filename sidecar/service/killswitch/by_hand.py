"""By hand: an order of somebody on this host."""

import secrets
from collections.abc import Callable

from sidecar.core.killswitch import Command, Order, Origin, Scope

# What a user of this host is called, "" where that is not known.
NameOf = Callable[[int], str]


def local_order(
    command: Command,
    origin: Origin,
    scope: Scope,
    now: float,
    *,
    by: str,
    reason: str = "",
    expires_at: float | None = None,
) -> Order:
    """One that was never given before, and bears no number: who comes later on this host is newer."""
    return Order(
        command,
        scope,
        f"{origin}-{secrets.token_hex(8)}",
        origin,
        issued_at=now,
        received_at=now,
        expires_at=expires_at,
        reason=reason,
        issued_by=by,
    )


def user(uid: int | None, name_of: NameOf, pid: int | None = None) -> str:
    """Who it was, such as `uid:0 (root), pid 4711`."""
    if uid is None:
        return "somebody on this host"
    name = name_of(uid)
    return f"uid:{uid}" + (f" ({name})" if name else "") + (f", pid {pid}" if pid else "")
