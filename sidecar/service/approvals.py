"""Approvals: opened by decisions that hold, answered by people, used once by the request that they are bound to.

Every change is recorded and stored before it counts; one that cannot be is none. The lock orders votes and time. The
decision path takes no lock: what it does to the book it does without awaiting.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from sidecar.core.approval import (
    Approval,
    Choice,
    VoteRefused,
    advance,
    cast,
    halted,
    holds_of,
    join,
    opened,
    used,
)
from sidecar.core.delegation import Kin, Lineage
from sidecar.core.errors import AuditError, StoreError
from sidecar.core.hearing import Heard, hear
from sidecar.core.model import Caller, Decision, Request
from sidecar.core.people import Approver
from sidecar.core.platform_hold import platform_hold
from sidecar.core.record import Hold, encode_record
from sidecar.core.scoring import Facts
from sidecar.service.approval_book import ApprovalBook, Key
from sidecar.service.approval_records import halt_record, heard_record, time_record, vote_record
from sidecar.service.approval_waits import ApprovalWaits
from sidecar.service.halting import Halting
from sidecar.service.ports import ApprovalStore, Clock, DecisionLog

_log = logging.getLogger(__name__)
_LOOK_EVERY: Final = 1.0
_UNRECORDED: Final = -1


class Approvals:
    """All approvals of this daemon, at most `limit` of them in the book.

    `same_uid`: the uid that asks may also answer, which is for demonstrations.
    """

    def __init__(
        self,
        store: ApprovalStore,
        log: DecisionLog,
        clock: Clock,
        halting: Halting,
        within: float,
        limit: int = 20_000,
        *,
        same_uid: bool = False,
    ) -> None:
        self.book = ApprovalBook(clock)
        self._store = store
        self._log = log
        self._clock = clock
        self._halting = halting
        self._within = within
        self._limit = limit
        self.same_uid = same_uid
        self.waits = ApprovalWaits()
        self._on_resolved: list[Callable[[Approval], None]] = []
        self._turn = asyncio.Lock()

    def on_resolved(self, listener: Callable[[Approval], None]) -> None:
        """It is told of each approval that has ended, however, and of a grant once more when it was used."""
        self._on_resolved.append(listener)

    async def start(self) -> None:
        """Take up what the last run left. Raises StoreError."""
        for approval in await self._store.load():
            self.book.enter(approval)

    async def run(self) -> None:
        """Let time pass, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            await self.let_time_pass()

    async def close(self) -> None:
        await self._store.close()

    # What decisions do.

    @property
    def is_full(self) -> bool:
        return len(self.book) >= self._limit

    def draft(
        self,
        key: Key,
        request: Request,
        caller: Caller,
        decision: Decision,
        met: Iterable[str] = (),
        facts: Facts = None,
        kin: Kin = None,
    ) -> Approval:
        """The approval that a pending decision opens; people see it once `open` has stored it."""
        approval = Approval(
            id=f"apr_{secrets.token_hex(12)}",
            decision=_UNRECORDED,
            digest=key[1],
            caller=caller,
            request=request,
            holds=holds_of(decision),
            stages=decision.stages,
            opened_at=decision.now,
            since=decision.now,
            revision=decision.revision,
            reason=decision.reason,
            met=tuple(met),
            platform=platform_hold(decision, facts),
            lineage=kin if isinstance(kin, Lineage) else None,
        )
        self.book.enter(approval)
        return approval

    async def open(self, approval: Approval, decision: int) -> None:
        """The decision that holds is on record: from now on people may answer. Raises StoreError."""
        try:
            await self._keep(opened(approval, decision))
        except StoreError:
            self.book.strike(approval)
            raise

    async def join(self, approval: Approval, decision: int) -> None:
        """One more decision waits for it. Raises StoreError."""
        async with self._turn:
            current = self.book.get(approval.id)
            if current is not None:
                await self._keep(join(current, decision))

    async def spend(self, approval: Approval, by: int, outcome: int) -> None:
        """The grant was used. Raises StoreError, and the grant is then lost."""
        self.book.hide(approval)
        current = self.book.get(approval.id) or approval
        await self._keep(used(current, self._clock.now(), by, outcome))

    # What people do, and time.

    async def vote(
        self, approval_id: str, approver: Approver, choice: Choice, by: str, comment: str = ""
    ) -> Approval:
        """The approval with that vote. Raises VoteRefused, AuditError or StoreError."""
        async with self._turn:
            approval = self.book.get(approval_id)
            if approval is None or approval.decision == _UNRECORDED:
                raise VoteRefused(f"there is no approval {approval_id}")
            if because := self.why_halted(approval):
                raise VoteRefused(because)
            now = self._clock.now()
            current = advance(approval, now)
            voted = cast(current, approver, choice, now, by, comment, same_uid=self.same_uid)
            await self._log.append(encode_record(vote_record(voted)), self._within)
            await self._keep(voted)
            return voted

    async def hear(self, approval_id: str, heard: Heard) -> None:
        """What the platform says of a hold of its own counts. Raises AuditError or StoreError."""
        async with self._turn:
            approval = self.book.get(approval_id)
            if approval is None or self.why_halted(approval):
                return
            now = self._clock.now()
            current = advance(approval, now)
            later = hear(current, heard, now)
            if later is not current:
                await self._log.append(encode_record(heard_record(current, later, now)), self._within)
                await self._keep(later)

    # What a halt does.

    def why_halted(self, approval: Approval) -> str:
        """Why nothing may come of it now, or ever; "" where something may."""
        return self.book.why_halted(approval) or self._halting.halts_approval(approval)

    async def end(self, doomed: Sequence[tuple[Approval, str]]) -> None:
        """End those that halts hit, all of them or none. Raises AuditError or StoreError."""
        async with self._turn:
            now = self._clock.now()
            known = [(self.book.get(one.id), because) for one, because in doomed]
            ended = [
                halted(approval, because, now)
                for approval, because in known
                if approval is not None and approval.can_be_halted(now)
            ]
            records = [self._log.append(encode_record(halt_record(one)), self._within) for one in ended]
            for durable in records:
                await durable
            await self._keep(*ended)

    # What those do who wait.

    async def resolution(self, approval_id: str, within: float) -> None:
        """Return when the approval is resolved or its request halted, or after so many seconds."""
        approval = self.book.get(approval_id)
        if approval is not None and approval.is_open and self._halting.of_approval(approval) is None:
            await self.waits.resolution(approval_id, within)

    async def news(self, since: int, within: float) -> None:
        """Return when something has changed after the change of that number, or after so many seconds."""
        if not self.book.has_news(since):
            await self.waits.news(within)

    async def let_time_pass(self) -> None:
        """Escalate and expire what is due; what cannot be recorded or stored is tried again the next time."""
        now = self._clock.now()
        async with self._turn:
            while (approval := self.book.next_due(now)) is not None:
                later = advance(approval, now)
                try:
                    await self._log.append(encode_record(time_record(later)), self._within)
                    await self._keep(later)
                except (AuditError, StoreError) as error:
                    _log.warning("approval %s waits for its end: %s", approval.id, error)
                    self.book.postpone(approval, now + _LOOK_EVERY)
                    return

    async def _keep(self, *approvals: Approval) -> None:
        await self._store.put(approvals)
        for approval in approvals:
            self.book.enter(approval)
            self._doom_if_halted(approval)
            if not approval.is_open:
                self.waits.resolved(approval.id)
                for listener in self._on_resolved:
                    listener(approval)
        self.waits.changed()

    def _doom_if_halted(self, approval: Approval) -> None:
        """A halt may have come while it was being stored."""
        if approval.can_be_halted(self._clock.now()) and (because := self._halting.halts_approval(approval)):
            self.book.doom(approval, because)


def hold_of(approval: Approval) -> Hold:
    """What a pending answer says of it."""
    return Hold(approval.id, approval.ends_at)
