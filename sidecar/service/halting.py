"""Halting: what the kill switch says, at this very moment, of something that was asked before.

It looks at halts alone and not at policy. So while nobody sees what is halted, all that was asked before is denied,
although a rule may say that its requests are decided even then: who asks anew is judged by that rule.
"""

from collections.abc import Iterable

import msgspec

from sidecar.core.approval import Approval
from sidecar.core.delegation import Kin, Lineage
from sidecar.core.killswitch import Halts, Kind, Target, objection, recalled, target_of
from sidecar.core.killswitch.scope import normalized
from sidecar.core.model import Code, Request, Ruling, Subject
from sidecar.core.record import DecisionRecord
from sidecar.service.ports import Clock
from sidecar.service.state import State


class Halting:
    """None means: no objection."""

    def __init__(self, state: State, clock: Clock) -> None:
        self._state = state
        self._clock = clock

    @property
    def halts(self) -> Halts:
        return self._state.snapshot.halts

    def of(self, request: Request, kin: Kin) -> Ruling | None:
        """The objection to a request that was asked with this lineage."""
        halts = self.halts
        if halts.is_clear:
            return None
        return objection(halts, self._target(halts, request, kin), self._clock.now())

    def of_record(self, record: DecisionRecord) -> Ruling | None:
        """The objection to one that is read back from the log, with names that may be masked."""
        halts = self.halts
        if halts.is_clear:
            return None
        delegated = record.delegated
        target = self._target(halts, recalled(record.request), delegated.lineage if delegated else None)
        if delegated is not None and delegated.session:
            target = msgspec.structs.replace(
                target, session=normalized(Kind.ORCHESTRATION, delegated.session)
            )
        return objection(halts, target, self._clock.now())

    def of_approval(self, approval: Approval, halts: Halts | None = None) -> Ruling | None:
        """The objection to the request of an approval, by the halts of this moment or by these."""
        halts = self.halts if halts is None else halts
        if halts.is_clear:
            return None
        return objection(halts, self._target(halts, approval.request, approval.lineage), self._clock.now())

    def halts_approval(self, approval: Approval) -> str:
        """Why its request is halted; "" where it is not, or nobody sees."""
        ruling = self.of_approval(approval)
        return ruling.reason if ruling is not None and ruling.code is Code.HALTED else ""

    def _target(self, halts: Halts, request: Request, kin: Kin) -> Target:
        above = kin.ancestors if isinstance(kin, Lineage) else ()
        groups = self._groups((request.subject, *above)) if Kind.GROUP in halts.named else ()
        return target_of(request, groups, above, halts.named)

    def _groups(self, subjects: Iterable[Subject]) -> tuple[str, ...]:
        bundle = self._state.snapshot.bundle
        return bundle.agents.groups_of(subjects) if bundle else ()
