"""Words: parts of rules as people read them in a difference."""

from collections.abc import Iterable
from typing import Final

from sidecar.core.diff.change import exactly
from sidecar.core.model import Obligation, Stage

_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def stages_in_words(stages: Iterable[Stage]) -> str | None:
    """Such as `2 of group:treasury within 15m, else group:cfo; 1 of …`; None without any."""
    return "; ".join(_stage(stage) for stage in stages) or None


def duration(seconds: float) -> str:
    """In the largest unit of the policy language that it is a whole number of."""
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    return f"{int(seconds) // size}{unit}"


def obligation_in_words(obligation: Obligation) -> str:
    """Such as `receipt (notification) {"topic":"payments"}`."""
    properties = f" {exactly(obligation.properties).decode()}" if obligation.properties else ""
    return f"{obligation.id} ({obligation.type}){properties}"


def _stage(stage: Stage) -> str:
    later = f", else {', '.join(stage.escalate)}" if stage.escalate else ""
    return f"{stage.quorum} of {', '.join(stage.approvers)} within {duration(stage.within)}{later}"
