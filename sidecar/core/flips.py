"""What a replay takes and what it finds. Values only."""

from enum import Enum

import msgspec

from sidecar.core.model import Code, Verdict
from sidecar.core.policy import Unseen
from sidecar.core.record import DecisionRecord


class Logged(msgspec.Struct, frozen=True, gc=False):
    """A record as a replay takes it: its number and time, its `type`, and the decision if it is one."""

    seq: int
    time: str
    type: str
    decision: DecisionRecord | None = None
    is_void: bool = False


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What of a decision is compared."""

    verdict: Verdict
    code: Code
    rules: tuple[str, ...]


class Compared(msgspec.Struct, frozen=True, gc=False):
    """A request with what was decided and what would be; `after` is None where `unseen` keeps that from being told.

    Subject and resource are `type:id`; `time` is the record's.
    """

    seq: int
    time: str
    subject: str
    action: str
    resource: str
    before: Outcome
    after: Outcome | None = None
    unseen: tuple[Unseen, ...] = ()


class Flip(Enum):
    """A change of verdict, from and to; those that have to be looked at first come first."""

    DENY_TO_ALLOW = (Verdict.DENY, Verdict.ALLOW)
    PENDING_TO_ALLOW = (Verdict.PENDING, Verdict.ALLOW)
    DENY_TO_PENDING = (Verdict.DENY, Verdict.PENDING)
    ALLOW_TO_PENDING = (Verdict.ALLOW, Verdict.PENDING)
    PENDING_TO_DENY = (Verdict.PENDING, Verdict.DENY)
    ALLOW_TO_DENY = (Verdict.ALLOW, Verdict.DENY)

    @property
    def loosens_to_allow(self) -> bool:
        return self.value[1] is Verdict.ALLOW
