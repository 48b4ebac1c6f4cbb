"""The kill switch as a part of health: what is in force, and whether anybody would see a halt that is given now."""

from sidecar.service.health_parts import Part, Status
from sidecar.service.killswitch.status import Sighted, SwitchStatus


def killswitch_part(status: SwitchStatus) -> Part:
    """Failing while everything or every unseen agent is denied, degraded while one way of two shows nothing."""
    facts: dict[str, str | float | int] = {
        "mode": "local" if status.sighted is None else "blind" if status.why_blind else "sighted",
        "halts": status.halts.total,
        **{f"halts_{origin.value}": count for origin, count in sorted(status.halts.by_origin.items())},
    }
    if status.sighted is not None:
        facts |= {"epoch": status.epoch, "refused": status.refused, **_ages(status.sighted)}
    if status.quarantined:
        facts["quarantined"] = status.quarantined
    if failing := _failing(status):
        return Part("killswitch", Status.FAILING, failing, facts)
    if degraded := _degraded(status):
        return Part("killswitch", Status.DEGRADED, "; ".join(degraded), facts)
    return Part("killswitch", Status.OK, facts=facts)


def _failing(status: SwitchStatus) -> str:
    if status.is_damaged:
        kept = f"; they are kept as {status.quarantined}" if status.quarantined else ""
        return f"everything is halted: the halts that were in force cannot be read{kept}"
    return f"nobody sees what is halted: {status.why_blind}" if status.why_blind else ""


def _degraded(status: SwitchStatus) -> list[str]:
    lost = [*(status.sighted.lost if status.sighted else ()), *status.unsettled]
    return [*lost, status.shared] if status.shared else lost


def _ages(sighted: Sighted) -> dict[str, float]:
    """A sign that never came has no age."""
    ages = {"received": sighted.received, "beacon": sighted.beacon, "state": sighted.confirmed}
    return {f"{name}_seconds_ago": round(age, 3) for name, age in ages.items() if age is not None}
