"""Rulings together: which of them is the decision, and whom they ask."""

from collections.abc import Sequence
from typing import Final

from sidecar.core.model import Code, Control, Ruling, Stage, Verdict

# Names of their own: to look a member up in its class costs more than to compare it.
_DENY: Final = Verdict.DENY
_PENDING: Final = Verdict.PENDING
# What was only allowed because people approved it, or because nothing scored it.
_MARKED: Final = frozenset({Code.APPROVED, Code.PLATFORM_OPEN})
_POLICY: Final = list(Control).index(Control.POLICY)


def strictest(rulings: Sequence[Ruling]) -> Ruling:
    """The first deny, else the first hold, else the first allow that is to be marked, else what the policy says."""
    held = approved = None
    for ruling in rulings:
        if ruling.verdict is _DENY:
            return ruling
        if held is None and ruling.verdict is _PENDING:
            held = ruling
        if approved is None and ruling.code in _MARKED:
            approved = ruling
    return held or approved or rulings[_POLICY]


def stages_of(rulings: Sequence[Ruling]) -> tuple[Stage, ...]:
    """Of all that hold, equal ones once."""
    held = (stage for ruling in rulings if ruling.verdict is Verdict.PENDING for stage in ruling.stages)
    return tuple(dict.fromkeys(held))
