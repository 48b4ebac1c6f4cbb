"""Approvals and approvers for tests, in one line each."""

from sidecar.core.approval import Approval
from sidecar.core.model import Caller, Stage
from sidecar.core.people import Approver, Person
from tests.tools.bundles import request

NOW = 1_700_000_000.0


def stage(*groups: str, quorum: int = 1, within: float = 600.0, escalate: tuple[str, ...] = ()) -> Stage:
    """A stage that asks these groups, given by their names."""
    return Stage(
        tuple(f"group:{group}" for group in groups),
        quorum,
        within,
        tuple(f"group:{group}" for group in escalate),
    )


def approval(
    *stages: Stage, caller: Caller = Caller(uid=1000), subject: str = "agent:a", met: tuple[str, ...] = ()
) -> Approval:
    """One that was opened NOW for the hold of rule `r`."""
    return Approval(
        id="apr_1",
        decision=7,
        digest="ab" * 32,
        caller=caller,
        request=request(subject=subject),
        holds=("rule:r",),
        stages=stages or (stage("ops"),),
        opened_at=NOW,
        since=NOW,
        met=met,
    )


def approver(name: str, *groups: str, uids: tuple[int, ...] = ()) -> Approver:
    return Approver(name, Person(uids=uids, groups=groups))
