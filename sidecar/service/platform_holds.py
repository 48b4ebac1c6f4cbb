"""Platform holds: what the platform holds is followed there, so that its people can grant or deny it too.

Every two seconds, those first that were asked for longest ago, and a bounded number of them at a time. What it says
is an answer to the approval here; what that is worth, and that no deadline moves, is for core/hearing.py. Its silence
changes nothing: an approval that nobody answers expires.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from sidecar.core.approval import Approval
from sidecar.core.errors import AuditError, StoreError
from sidecar.core.hearing import Heard
from sidecar.core.model import Verdict
from sidecar.core.platform import Scored, Unavailable
from sidecar.core.platform_hold import PlatformHold
from sidecar.service.approvals import Approvals
from sidecar.service.ports import Platform

_log = logging.getLogger(__name__)
_EVERY: Final = 2.0
# As many calls at once leave the platform, and the gate in front of it, to live traffic.
_AT_ONCE: Final = 8
_IN_A_ROUND: Final = 128
_ESCALATED: Final = "escalated"


class PlatformHolds:
    """`within`: seconds that one call may take."""

    def __init__(self, platform: Platform, approvals: Approvals, within: float) -> None:
        self._platform = platform
        self._approvals = approvals
        self._within = within

    async def run(self) -> None:
        """Follow, until cancelled."""
        while True:
            await asyncio.sleep(_EVERY)
            await self.look()

    async def look(self) -> None:
        """One round; it ends where the platform does not answer at all."""
        waiting = self._approvals.book.on_platform(_IN_A_ROUND)
        for start in range(0, len(waiting), _AT_ONCE):
            if not await self._ask(waiting[start : start + _AT_ONCE]):
                return

    async def _ask(self, some: Sequence[Approval]) -> bool:
        """Whether the platform answered any of them."""
        answered = await asyncio.gather(*(self._follow(one) for one in some))
        return any(answered)

    async def _follow(self, approval: Approval) -> bool:
        hold = approval.platform
        heard = await self._heard(hold) if hold is not None else None
        if heard is None:
            return False
        try:
            await self._approvals.hear(approval.id, heard)
        except (AuditError, StoreError) as error:
            _log.warning("what the platform says of approval %s waits: %s", approval.id, error)
        return True

    async def _heard(self, hold: PlatformHold) -> Heard | None:
        """What it says of the action, and who said so; None where it does not answer. The stricter of both counts."""
        said = await self._platform.status(hold.action, self._within)
        if isinstance(said, Unavailable):
            return None
        if said.verdict is Verdict.PENDING or not hold.approval:
            return Heard(said.verdict, why=said.reason, is_escalated=said.raw_status == _ESCALATED)
        return await self._with_names(said, hold.approval)

    async def _with_names(self, said: Scored, approval_request_id: str) -> Heard:
        told = await self._platform.approval(approval_request_id, self._within)
        if isinstance(told, Unavailable):
            return Heard(said.verdict, why=said.reason)
        return Heard(max(said.verdict, told.verdict), told.approver, told.reason or said.reason)
