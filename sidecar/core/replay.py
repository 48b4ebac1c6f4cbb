"""Replay: recorded requests decided again under another bundle, and what that would change.

1. Leave out what the judgement alone did not decide: repeats, voided records, answers for want of something else.
2. Leave undecided a request of which the log holds only a mask where a rule or the registry of the bundle could look.
3. Judge the others again with the inputs that their records hold, and compare.

Where `has()` or a pattern could be answered in spite of a mask, it is left undecided all the same.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

import msgspec

from sidecar.core.bundle import Bundle
from sidecar.core.delegation import PARENT, is_orchestrated, standing
from sidecar.core.flips import Compared, Flip, Logged, Outcome
from sidecar.core.judge import judge
from sidecar.core.masks import masked_paths
from sidecar.core.model import Code, Control, Decision, Request, Subject
from sidecar.core.policy import Unseen
from sidecar.core.record import DecisionRecord, is_shortened, lacks_grants
from sidecar.core.snapshot import Snapshot

# A decision with another code also came of something that its record does not hold.
_JUDGED: Final = frozenset(
    {
        Code.ALLOWED,
        Code.APPROVED,
        Code.POLICY_DENIED,
        Code.NO_MATCHING_RULE,
        Code.APPROVAL_REQUIRED,
        Code.RISK_NEEDS_APPROVAL,
        Code.RISK_TOO_HIGH,
        Code.CALLER_NOT_BOUND,
        Code.PLATFORM_DENIED,
        Code.PLATFORM_HOLD,
        Code.PLATFORM_UNAVAILABLE,
        Code.PLATFORM_OPEN,
        Code.DELEGATION_EXCEEDS_PARENT,
        Code.DELEGATION_NEEDS_APPROVAL,
        Code.DELEGATION_TOO_DEEP,
        Code.DELEGATION_DEPTH_WRONG,
        Code.MCP_SERVER_UNREGISTERED,
        Code.MCP_SERVER_DEACTIVATED,
        Code.MCP_TOOL_BLOCKED,
        Code.MODEL_NOT_APPROVED,
    }
)


class Replay:
    """Takes records one by one and keeps of them only what changed.

    `others` counts the same verdict for another reason; those are kept in `other_reasons` if `keeps_others`.
    `skipped` counts by why: `repeat`, `void`, `no_risk`, `no_grants` where the record was too long to hold what
    people had granted, `no_lineage` where it does not tell under which decision it was delegated,
    `no_platform_answer` where the platform was not asked then and would be now, `code:CODE` where the judgement alone
    does not give that code, `record:TYPE` for what is no decision.
    """

    def __init__(self, bundle: Bundle, *, keeps_others: bool = False) -> None:
        self.same = self.others = 0
        self.flips: dict[Flip, list[Compared]] = {flip: [] for flip in Flip}
        self.other_reasons: list[Compared] = []
        self.undecidable: list[Compared] = []
        self.skipped: Counter[str] = Counter()
        self._snapshot = Snapshot(bundle)
        self._policies = bundle.policies
        self._registry = bundle.registry
        self._keeps_others = keeps_others
        # There are few different ones, so that each is kept once.
        self._outcomes: dict[Outcome, Outcome] = {}
        self._unseen: dict[tuple[Unseen, ...], tuple[Unseen, ...]] = {}

    @property
    def replayed(self) -> int:
        return self.same + self.others + sum(map(len, self.flips.values()))

    @property
    def allow_flips(self) -> int:
        """How many requests that were not allowed would be."""
        return sum(len(found) for flip, found in self.flips.items() if flip.loosens_to_allow)

    def take(self, logged: Logged) -> None:
        """Replay one record."""
        record = logged.decision
        if record is None:
            self.skipped[f"record:{logged.type}"] += 1
        elif why := _why_not(logged, record):
            self.skipped[why] += 1
        else:
            self._decide(logged, record)

    def _decide(self, logged: Logged, record: DecisionRecord) -> None:
        unseen = tuple(unseen for asked in _askers(record) for unseen in self._unseen_parts(asked))
        if unseen:
            self.undecidable.append(self._compared(logged, record, unseen=unseen))
            return
        after = _again(self._snapshot, record)
        if _lacks_facts(record, after):
            self.skipped["no_platform_answer"] += 1
        else:
            self._compare(logged, record, after)

    def _unseen_parts(self, request: Request) -> tuple[Unseen, ...]:
        """The registry counts as one more rule."""
        masked = masked_paths(request)
        if not masked:
            return ()
        read = self._registry.reads(request)
        found = (path for path in masked if any(name[: len(path)] == path[: len(name)] for name in read))
        registry = (Unseen(Control.REGISTRY.value, ".".join(path)) for path in found)
        return (*self._policies.unseen(request, masked), *registry)

    def _compare(self, logged: Logged, record: DecisionRecord, after: Decision) -> None:
        before = record.decision
        if after.verdict is not before.verdict:
            flip = Flip((before.verdict, after.verdict))
            self.flips[flip].append(self._compared(logged, record, after))
        elif _has_reasons(before, after):
            self.same += 1
        else:
            self.others += 1
            if self._keeps_others:
                self.other_reasons.append(self._compared(logged, record, after))

    def _compared(
        self,
        logged: Logged,
        record: DecisionRecord,
        after: Decision | None = None,
        unseen: tuple[Unseen, ...] = (),
    ) -> Compared:
        request = record.request
        return Compared(
            logged.seq,
            logged.time,
            f"{request.subject.type}:{request.subject.id}",
            request.action.name,
            f"{request.resource.type}:{request.resource.id}",
            self._outcome(record.decision),
            None if after is None else self._outcome(after),
            self._unseen.setdefault(unseen, unseen),
        )

    def _outcome(self, decision: Decision) -> Outcome:
        outcome = Outcome(decision.verdict, decision.code, decision.rules)
        return self._outcomes.setdefault(outcome, outcome)


def _above(record: DecisionRecord) -> tuple[Subject, ...]:
    lineage = record.delegated.lineage if record.delegated else None
    return lineage.ancestors if lineage else ()


def _askers(record: DecisionRecord) -> Iterator[Request]:
    """The request as it was made, and as each agent above it would have made it."""
    yield record.request
    for subject in _above(record):
        yield msgspec.structs.replace(record.request, subject=subject)


def _why_not(logged: Logged, record: DecisionRecord) -> str:
    """Why what was decided cannot be compared; empty if it can."""
    if logged.is_void:
        return "void"
    if record.repeats is not None:
        return "repeat"
    if record.decision.code not in _JUDGED:
        return f"code:{record.decision.code}"
    if lacks_grants(record.decision):
        return "no_grants"
    if _lacks_lineage(record):
        return "no_lineage"
    return "no_risk" if record.decision.risk is None else ""


def _lacks_lineage(record: DecisionRecord) -> bool:
    """Whether it does not say where the request stood: its parent was none, or its context too long."""
    delegated, context = record.delegated, record.request.context
    if delegated is None:
        return is_orchestrated(context)
    here = standing(context, delegated.lineage)
    lacks_parent = delegated.lineage is None and context.get(PARENT) is not None
    return lacks_parent or here is None or here.depth != delegated.depth


def _again(snapshot: Snapshot, record: DecisionRecord) -> Decision:
    """Judged again: every input of the judgement that a record holds goes in here, none is found out anew."""
    before = record.decision
    granted, facts = frozenset(record.granted), record.scored or record.unavailable
    kin = record.delegated.lineage if record.delegated else None
    return judge(snapshot, record.request, record.caller, before.now, before.risk, granted, facts, kin)


def _lacks_facts(record: DecisionRecord, after: Decision) -> bool:
    """Whether the platform, which was not asked then, would be now."""
    if record.scored is not None or record.unavailable is not None:
        return False
    asked = (Code.PLATFORM_UNAVAILABLE, Code.PLATFORM_LOCAL, Code.PLATFORM_OPEN)
    return any(ruling.code in asked for ruling in after.rulings)


def _has_reasons(before: Decision, after: Decision) -> bool:
    """Whether two decisions of the same verdict have the same code and rules, as far as the record has them."""
    rules = after.rules[: len(before.rules)] if is_shortened(before) else after.rules
    return after.code is before.code and rules == before.rules
