"""Orchestration: who stands above a request that was delegated, and the sessions that requests are of.

Decisions of a session are remembered, so that a child finds its parent without reading the log; what is not
remembered is read there. A request that names no parent costs nothing.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

import msgspec

from sidecar.core.delegation import (
    PARENT,
    Delegated,
    Foreign,
    Kin,
    Lineage,
    Place,
    read_place,
)
from sidecar.core.errors import AuditError
from sidecar.core.masks import is_masked
from sidecar.core.model import JSON, Caller, Decision, Object, Request, Subject, Verdict
from sidecar.core.record import DecisionRecord, parse_decision
from sidecar.service.approval_book import ApprovalBook
from sidecar.service.ports import DecisionLog
from sidecar.service.sessions import Sessions

_log = logging.getLogger(__name__)
_KEPT_AT_MOST: Final = 10_000
_MEMBERS: Final = 8
_CHARS: Final = 256
_TAKEN_UP: Final = 1000
_ROUNDS: Final = 16


class Known(msgspec.Struct, frozen=True, gc=False):
    """A decision that others may be delegated under: whose it is, for whom, where it stands, what it said."""

    caller: str
    subject: Subject
    delegated: Delegated
    verdict: Verdict


class Orchestration:
    """`within`: seconds that the log has to tell of a parent."""

    def __init__(self, log: DecisionLog, book: ApprovalBook, within: float) -> None:
        self.sessions = Sessions()
        self._log = log
        self._book = book
        self._within = within
        self._known: OrderedDict[int, Known] = OrderedDict()

    async def start(self) -> None:
        """Take up the sessions of the newest thousand records. What cannot be read is not known, and not missed."""
        try:
            newest = await self._log.newest(_TAKEN_UP)
        except AuditError as error:
            _log.warning("the sessions of the last run are not known: %s", error)
            return
        for raw in reversed(newest):
            if raw.get("type") == "decision":
                self._take_up(parse_decision(raw))

    def _take_up(self, record: DecisionRecord) -> None:
        if record.delegated is not None and record.repeats is None and not record.approval:
            self.sessions.count(record.caller.key, record.request, record.decision, record.delegated)

    def saw(
        self,
        request: Request,
        caller: Caller,
        decision: Decision,
        delegated: Delegated,
        seq: int,
        *,
        is_new: bool,
    ) -> None:
        """Take note of a decision that is on record under that number. Of one action only the first is counted."""
        if not delegated.session:
            return
        if is_new:
            self.sessions.count(caller.key, request, decision, delegated)
        if decision.verdict is not Verdict.DENY and _is_small(request.subject):
            self._known[seq] = Known(caller.key, request.subject, delegated, decision.verdict)
            if len(self._known) > _KEPT_AT_MOST:
                self._known.popitem(last=False)

    async def kin(self, request: Request, caller: Caller) -> Kin:
        """What is found of the decision that a request was delegated under; None if it names none."""
        if PARENT not in request.context:
            return None
        place = read_place(request.context)
        if not isinstance(place, Place) or place.parent is None:
            return None
        looking = asyncio.ensure_future(self._under(place, place.parent, request.subject, caller))
        done, _ = await asyncio.wait({looking}, timeout=self._within)
        if not done:
            looking.cancel()
            return _untold(place.parent)
        try:
            return looking.result()
        except AuditError:
            return _untold(place.parent)

    async def _under(self, place: Place, parent: int, child: Subject, caller: Caller) -> Kin:
        known = await self._find(parent)
        if known is None or known.caller != caller.key:
            return Foreign(f"No decision {parent} of this caller is known.")
        delegated = known.delegated
        if delegated.session != place.session:
            return Foreign(f"Decision {parent} is of another session.")
        if await self._verdict(parent, known) is not Verdict.ALLOW:
            return Foreign(f"Decision {parent} allowed nothing that could be delegated under it.")
        above = delegated.lineage.ancestors if delegated.lineage else ()
        if any(is_masked(one.properties) for one in (known.subject, *above)):
            return Foreign(f"What is on record of decision {parent} does not tell enough of its agents.")
        return Lineage(_others((known.subject, *above), child), delegated.depth)

    async def _verdict(self, seq: int, known: Known) -> Verdict:
        """What became of a decision that people were asked about: that of the one made with their approval."""
        for _ in range(_ROUNDS):
            if known.verdict is not Verdict.PENDING:
                break
            approval = self._book.behind(seq)
            if approval is None or approval.outcome is None or approval.used_by != seq:
                break
            seq = approval.outcome
            after = await self._find(seq)
            if after is None:
                break
            known = after
        return known.verdict

    async def _find(self, seq: int) -> Known | None:
        known = self._known.get(seq)
        if known is not None:
            return known
        raw = await self._log.read(seq)
        return _as_known(raw) if raw is not None and raw.get("type") == "decision" else None


def _untold(parent: int) -> Foreign:
    return Foreign(f"The log does not tell of decision {parent} now.")


def _as_known(raw: Object) -> Known:
    record = parse_decision(raw)
    delegated = record.delegated or Delegated()
    return Known(record.caller.key, record.request.subject, delegated, record.decision.verdict)


def _is_small(subject: Subject) -> bool:
    """Whether it may be remembered: what is larger is read from the log."""
    names, values = subject.properties.keys(), subject.properties.values()
    return len(names) <= _MEMBERS and all(_is_short(told) for told in (*names, *values))


def _is_short(told: JSON) -> bool:
    return (
        len(told) <= _CHARS if isinstance(told, str) else told is None or isinstance(told, bool | int | float)
    )


def _others(above: Iterable[Subject], child: Subject) -> tuple[Subject, ...]:
    """Each once, and not the child itself, which is judged in any case."""
    others: list[Subject] = []
    for subject in above:
        if subject != child and subject not in others:
            others.append(subject)
    return tuple(others)
