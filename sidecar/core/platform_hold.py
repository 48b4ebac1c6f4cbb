"""A hold of the platform's: what its own people decide of an action that waits here as well."""

from typing import Final

import msgspec

from sidecar.core.model import Control, Decision, Ruling, Verdict
from sidecar.core.platform import Scored

# What the platform holds without a term, or with one in a far future, is not waited for any longer than this.
LONGEST: Final = 86_400.0


class PlatformHold(msgspec.Struct, frozen=True, omit_defaults=True):
    """The platform's ids of the action and of its approval, "" for none; times in epoch seconds.

    The approval's last `stages` are there for this hold alone. Where nobody here may answer it, it `is_alone` and
    ends at `until`. It `is_met` once the platform has granted it.
    """

    action: str
    approval: str = ""
    until: float = 0.0
    stages: int = 0
    is_alone: bool = False
    is_met: bool = False
    is_escalated: bool = False


def platform_hold(decision: Decision, facts: object) -> PlatformHold | None:
    """What of a pending decision the platform holds; None if it holds nothing of it."""
    held = [ruling for ruling in decision.rulings if ruling.verdict is Verdict.PENDING]
    own = next((ruling for ruling in held if ruling.control is Control.PLATFORM), None)
    if own is None or not isinstance(facts, Scored) or not facts.action_id:
        return None
    latest = decision.now + LONGEST
    return PlatformHold(
        facts.action_id,
        facts.approval_request_id or "",
        latest if facts.expires_at is None else min(facts.expires_at, latest),
        _for_it_alone(decision, own, held),
        is_alone=not own.stages,
    )


def _for_it_alone(decision: Decision, own: Ruling, held: list[Ruling]) -> int:
    """How many of the last stages; one that is followed by another's is asked all the same."""
    others = {stage for ruling in held if ruling is not own for stage in ruling.stages}
    ends = (index for index, stage in enumerate(reversed(decision.stages)) if stage in others)
    return next(ends, len(decision.stages))
