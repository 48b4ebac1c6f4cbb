"""The book of approvals: which there are, by id, by the request that they are bound to, by the decision that waits.

In memory and without awaiting, because every pending decision looks in here. What leads from a request is an approval
that is open, or a grant that nobody has used. Changes are numbered, so that one can ask for what is new since; the
numbers begin with the time of the start, so those of an earlier run are smaller.
"""

import heapq
import itertools
from typing import Final

from sidecar.core.approval import Approval
from sidecar.service.ports import Clock

KEPT_SECONDS: Final = 3600.0
Key = tuple[str, str]


class ApprovalBook:
    """Approvals stay for an hour after they were resolved."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_id: dict[str, Approval] = {}
        self._by_request: dict[Key, str] = {}
        self._by_decision: dict[int, str] = {}
        self._due: list[tuple[float, str]] = []
        self._changes: dict[str, int] = {}
        self._taken: set[str] = set()
        self._doomed: dict[str, str] = {}
        self._followed: dict[str, None] = {}
        self.changes = int(clock.now() * 1000)

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, approval_id: str) -> Approval | None:
        return self._by_id.get(approval_id)

    def behind(self, decision: int) -> Approval | None:
        """The approval that the decision of that number waits for."""
        return self._by_id.get(self._by_decision.get(decision, ""))

    def waiting_for(self, key: Key, now: float) -> Approval | None:
        """The approval that is open for this request, or granted and not used."""
        approval = self._by_id.get(self._by_request.get(key, ""))
        if approval is None:
            return None
        return approval if (approval.is_open and now < approval.ends_at) or approval.is_usable(now) else None

    def all(self) -> list[Approval]:
        """Open ones first, each kind by age; none that no decision on record waits for yet."""
        known = (approval for approval in self._by_id.values() if approval.decision >= 0)
        return sorted(known, key=lambda one: (not one.is_open, one.opened_at))

    def ids(self) -> list[str]:
        """Of all, in no order."""
        return list(self._by_id)

    def change_of(self, approval: Approval) -> int:
        """The number of its newest change."""
        return self._changes.get(approval.id, 0)

    def has_news(self, since: int) -> bool:
        """Whether one who knows of that change has anything to learn; a number of the future is none of this run."""
        return self.changes != since

    def changed_since(self, since: int) -> list[Approval]:
        """What changed after that number, by the order of the changes; everything for a number of the future."""
        if since > self.changes:
            since = 0
        found = []
        for approval_id in reversed(self._changes):
            if self._changes[approval_id] <= since:
                break
            found.append(self._by_id[approval_id])
        return found[::-1]

    def enter(self, approval: Approval) -> None:
        """Add it, or replace the one of its id; whoever took its grant has used it or given it back."""
        self._by_id[approval.id] = approval
        self._taken.discard(approval.id)
        self._number(approval)
        for decision in (approval.decision, *approval.joined):
            self._by_decision[decision] = approval.id
        if not approval.can_be_halted(self._clock.now()):
            self._doomed.pop(approval.id, None)
        elif approval.id not in self._doomed:
            self._by_request[key_of(approval)] = approval.id
        heapq.heappush(self._due, (_next_look(approval), approval.id))
        if approval.is_open and approval.platform is not None and approval.decision >= 0:
            self._followed.setdefault(approval.id)
        else:
            self._followed.pop(approval.id, None)

    def on_platform(self, limit: int) -> list[Approval]:
        """Open ones that the platform holds too, those first that were asked for longest ago."""
        found = [self._by_id[one] for one in itertools.islice(self._followed, limit)]
        for approval in found:
            del self._followed[approval.id]
            self._followed[approval.id] = None
        return found

    def hide(self, approval: Approval) -> None:
        """No request leads to it any more."""
        if self._by_request.get(key_of(approval)) == approval.id:
            del self._by_request[key_of(approval)]

    def take(self, approval: Approval) -> None:
        """Its grant is being used, by one decision and by no other, until it is entered anew."""
        self.hide(approval)
        self._taken.add(approval.id)

    def is_taken(self, approval: Approval) -> bool:
        return approval.id in self._taken

    def give_back(self, approval: Approval) -> None:
        """It was taken and, if it is so still, not used."""
        if self.is_taken(approval):
            self.enter(approval)

    def can_be_halted(self, approval: Approval) -> bool:
        """Whether an action could still come of it. What no decision on record waits for is not told to anybody."""
        return approval.decision >= 0 and approval.can_be_halted(self._clock.now())

    def doom(self, approval: Approval, because: str) -> None:
        """A halt hits its request: nothing may come of it from now on, and it is to be ended."""
        self.hide(approval)
        self._doomed.setdefault(approval.id, because)

    def why_halted(self, approval: Approval) -> str:
        """Why a halt has ended it, or is about to; "" if none does."""
        return approval.halted_because or self._doomed.get(approval.id, "")

    def doomed(self, limit: int) -> list[tuple[Approval, str]]:
        """Those that are to be ended and that nobody is using at this moment, with the reason."""
        found: list[tuple[Approval, str]] = []
        for approval_id, because in list(self._doomed.items()):
            approval = self._by_id.get(approval_id)
            if approval is None or not approval.can_be_halted(self._clock.now()):
                del self._doomed[approval_id]
            elif approval_id not in self._taken:
                found.append((approval, because))
                if len(found) >= limit:
                    break
        return found

    def strike(self, approval: Approval) -> None:
        """Forget it."""
        self.hide(approval)
        self._by_id.pop(approval.id, None)
        self._changes.pop(approval.id, None)
        self._taken.discard(approval.id)
        self._doomed.pop(approval.id, None)
        self._followed.pop(approval.id, None)
        for decision in (approval.decision, *approval.joined):
            self._by_decision.pop(decision, None)

    def next_due(self, now: float) -> Approval | None:
        """One whose time has come; it is looked at again once it is entered anew. Old ones are forgotten here."""
        while self._due and self._due[0][0] <= now:
            approval = self._by_id.get(heapq.heappop(self._due)[1])
            if approval is None:
                continue
            is_over = not approval.is_open and now >= approval.resolved_at + KEPT_SECONDS
            if is_over or approval.decision < 0:
                self.strike(approval)
            elif approval.is_open and now >= approval.due:
                return approval
        return None

    def _number(self, approval: Approval) -> None:
        """One that no decision on record waits for is nothing to tell of yet."""
        if approval.decision >= 0:
            self.changes += 1
            self._changes.pop(approval.id, None)  # so that the newest change comes last
            self._changes[approval.id] = self.changes

    def postpone(self, approval: Approval, until: float) -> None:
        heapq.heappush(self._due, (until, approval.id))


def key_of(approval: Approval) -> Key:
    """The caller and digest of the request that it is bound to."""
    return approval.caller.key, approval.digest


def _next_look(approval: Approval) -> float:
    return approval.due if approval.is_open else approval.resolved_at + KEPT_SECONDS
