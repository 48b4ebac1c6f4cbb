"""What is recorded of an approval: each vote, each change of its standing."""

from sidecar.core.approval import Approval, Standing
from sidecar.core.hearing import PLATFORM
from sidecar.core.record import ApprovalRecord, ExpiryRecord


def vote_record(voted: Approval) -> ApprovalRecord:
    """Of its newest vote."""
    vote = voted.votes[-1]
    event = vote.choice.value if voted.is_open else voted.standing.value
    return ApprovalRecord(
        voted.id, voted.decision, event, vote.at, vote.person, vote.by, vote.comment, vote.stage
    )


def heard_record(before: Approval, later: Approval, now: float) -> ApprovalRecord:
    """Of what the platform says of it."""
    if len(later.votes) > len(before.votes):
        return vote_record(later)
    return ApprovalRecord(later.id, later.decision, "escalated", now, by=PLATFORM)


def halt_record(ended: Approval) -> ApprovalRecord:
    """Of its end by a halt."""
    return ApprovalRecord(
        ended.id, ended.decision, ended.standing.value, ended.resolved_at, comment=ended.halted_because
    )


def time_record(later: Approval) -> ApprovalRecord | ExpiryRecord:
    """Of what time has done to it."""
    if later.standing is Standing.EXPIRED:
        return ExpiryRecord(later.decision, later.id, later.resolved_at)
    return ApprovalRecord(later.id, later.decision, "escalated", later.since, stage=later.stage)
