"""What must be found out elsewhere before a request can be judged: its parent, and what the platform says of it."""

from collections.abc import Callable

import msgspec

from sidecar.core.approval import Approval
from sidecar.core.delegation import PARENT
from sidecar.core.judge import remote_need
from sidecar.core.record import masked_request
from sidecar.core.scoring import Facts, still_held
from sidecar.service.approval_book import ApprovalBook
from sidecar.service.asked import Asked
from sidecar.service.consult import request_key
from sidecar.service.orchestration import Orchestration
from sidecar.service.ports import Clock
from sidecar.service.scoring import Question, Scoring
from sidecar.service.state import State


class Patience:
    """The seconds of one caller, None for no end: what the log may need of them is kept for it."""

    def __init__(self, within: float | None, for_log: float, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._until = None if within is None else monotonic() + within
        self._kept = 0.0 if within is None else min(for_log, within / 2)

    def left(self) -> float | None:
        return None if self._until is None else max(0.0, self._until - self._monotonic())

    def for_platform(self) -> float | None:
        left = self.left()
        return None if left is None else max(0.0, left - self._kept)


class Inquiry:
    """Asks the log and the platform on behalf of the decider."""

    def __init__(
        self, state: State, clock: Clock, book: ApprovalBook, scoring: Scoring, orchestration: Orchestration
    ) -> None:
        self._state = state
        self._clock = clock
        self._book = book
        self._scoring = scoring
        self._orchestration = orchestration

    @property
    def asks_platform(self) -> bool:
        """Whether any rule of the policy in force does."""
        bundle = self._state.snapshot.bundle
        return bundle is not None and bundle.policies.asks_platform

    def loops_back(self, asked: Asked) -> bool:
        """Whether this is a request that this daemon itself sent to its platform."""
        return bool(asked.via) and self._scoring.loops_back(asked.via)

    async def placed(self, asked: Asked) -> Asked:
        """With what is found of its parent; the very same where it names none."""
        if PARENT not in asked.request.context:
            return asked
        kin = await self._orchestration.kin(asked.request, asked.caller)
        return asked if kin is None else msgspec.structs.replace(asked, kin=kin)

    async def facts(self, asked: Asked, within: float | None, granted: Approval | None = None) -> Facts:
        """What the platform says; of what it holds already, where that stands. `granted` is about to be used."""
        snapshot = self._state.snapshot
        remote = remote_need(snapshot, asked.request, asked.caller, self._clock.now(), asked.kin)
        if remote is None or snapshot.bundle is None:
            return None
        key = request_key(snapshot, asked.request, asked.caller)
        approval = granted or self._book.waiting_for(key, self._clock.now())
        if approval is not None and approval.platform is not None:
            said = await self._scoring.standing(approval.platform.action, within)
            # What was used or resolved meanwhile is of no use to another: that is an action of its own.
            now_waiting = self._book.waiting_for(key, self._clock.now())
            if granted or (now_waiting is not None and now_waiting.id == approval.id):
                return still_held(said, approval.platform, remote)
        volatile = frozenset(snapshot.bundle.policies.defaults.volatile)
        # Secrets are for this host only; what they are masked with tells equal ones from others.
        masked = masked_request(asked.request, self._state.masker)
        question = Question(
            masked, asked.caller, asked.trace, asked.via, remote, snapshot.bundle.digest, volatile
        )
        return await self._scoring.facts(question, within)
