"""Hearing: what becomes of an approval when the platform says where its own one stands.

Its grant meets the platform's hold and no other: the stages that were there for that hold alone are not asked any
more, all others are. Its deny ends the approval. Neither moves a deadline.
"""

from typing import Final

import msgspec

from sidecar.core.approval import Approval, Choice, Standing, Vote, resolved
from sidecar.core.model import Verdict

# The platform's people answer no stage of ours.
NO_STAGE: Final = -1
PLATFORM: Final = "platform"


class Heard(msgspec.Struct, frozen=True):
    """What the platform says: who decided and why, as far as it tells."""

    verdict: Verdict
    who: str = ""
    why: str = ""
    is_escalated: bool = False


def hear(approval: Approval, heard: Heard, now: float) -> Approval:
    """The approval after that; the same one where nothing follows from it."""
    hold = approval.platform
    if hold is None or not approval.is_open or now >= approval.due:
        return approval
    if heard.verdict is Verdict.DENY:
        return resolved(_voted(approval, heard, Choice.DENY, now), Standing.DENIED, now)
    if heard.verdict is Verdict.PENDING:
        if not heard.is_escalated or hold.is_escalated:
            return approval
        return msgspec.structs.replace(approval, platform=msgspec.structs.replace(hold, is_escalated=True))
    return approval if hold.is_met else _met(_voted(approval, heard, Choice.APPROVE, now), now)


def _met(approval: Approval, now: float) -> Approval:
    hold = approval.platform
    if hold is None:
        return approval
    met = msgspec.structs.replace(approval, platform=msgspec.structs.replace(hold, is_met=True))
    left = len(met.stages) - hold.stages
    if met.stage >= left:
        return resolved(met, Standing.GRANTED, now)
    return msgspec.structs.replace(met, stages=met.stages[:left])


def _voted(approval: Approval, heard: Heard, choice: Choice, now: float) -> Approval:
    person = f"{PLATFORM}:{heard.who}" if heard.who else PLATFORM
    vote = Vote(person, choice, NO_STAGE, now, PLATFORM, heard.why)
    return msgspec.structs.replace(approval, votes=(*approval.votes, vote))
