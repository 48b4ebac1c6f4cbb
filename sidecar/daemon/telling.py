"""Telling: what the admin socket says of a feed, for people: who sees, the queue, the authority."""

from collections.abc import Callable

from msgspec import to_builtins

from sidecar.core.model import Object
from sidecar.core.times import rfc3339
from sidecar.daemon.authority import Overseeing
from sidecar.service.killswitch.switch import KillSwitch
from sidecar.service.killswitch.watch import Watch


def told_of(
    switch: KillSwitch, overseeing: Overseeing, watch: Watch | None
) -> dict[str, Callable[[], Object]]:
    """The parts by name; those of a queue and of an authority where there is one."""
    sight, authority = overseeing.sight, overseeing.authority

    def seen() -> Object:
        return {**to_builtins(sight.signs()), "blind": sight.blind_because()}

    def stated() -> Object:
        epoch = switch.epoch
        issued_at = rfc3339(epoch.issued_at) if epoch.number else None
        status = to_builtins(authority.status()) if authority else {}
        return {**status, "epoch": epoch.number, "issued_at": issued_at}

    told: dict[str, Callable[[], Object]] = {"sight": seen}
    if watch is not None:
        told["queue"] = lambda: to_builtins(watch.status())
    if authority is not None:
        told["state"] = stated
    return told
