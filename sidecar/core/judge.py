"""The judgement: every control rules once, the strictest ruling is the decision.

1. Assess the risk and evaluate the policy: the findings that several controls read.
2. Ask each control of the fixed list for exactly one ruling. A control that raises denies.
3. Take the strictest; of several equally strict ones the first in the list names code and reason. Of an allow, that
   is the first that people approved, else the policy's.

Verdicts only tighten: a control can add strictness, none can take any away, and a missing ruling is a deny.
"""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from sidecar.core import controls
from sidecar.core.case import NOTHING_GRANTED, Case, examine, with_kin
from sidecar.core.delegation import FREE, LACKS, Kin, is_orchestrated
from sidecar.core.delegation import rule_on as rule_on_delegation
from sidecar.core.model import (
    Caller,
    Code,
    Control,
    Decision,
    Obligation,
    Request,
    Risk,
    Ruling,
    Verdict,
)
from sidecar.core.policy import PolicyResult, Remote, WhenUnavailable
from sidecar.core.rulings import stages_of, strictest
from sidecar.core.scoring import Facts
from sidecar.core.snapshot import Snapshot

Rule = Callable[[Case], Ruling]
_PENDING: Final = Verdict.PENDING
_SILENT: Final = Code.NOT_APPLICABLE
_NO_POLICY: Final = PolicyResult(Verdict.DENY, Code.INTERNAL_ERROR, "", valid_for=0.0)


def judge(
    snapshot: Snapshot,
    request: Request,
    caller: Caller,
    now: float,
    risk: Risk | None = None,
    granted: frozenset[str] = NOTHING_GRANTED,
    facts: Facts = None,
    kin: Kin = None,
) -> Decision:
    """The decision on one request as of `now` (epoch seconds). Never raises.

    `risk` is what an earlier judgement of this request assessed; without it the risk is assessed here. `granted` are
    holds (`rule:ID`, or a control) that people have approved for this very request: who held then allows. `facts` are
    what the platform says of it, `kin` what was found of the decision that it was delegated under.
    """
    case = with_kin(examine(snapshot, request, caller, now, risk, granted, facts), kin)
    rulings: list[Ruling] = []
    for control, rule in CONTROLS:
        try:
            rulings.append(rule(case))
        except Exception:  # noqa: BLE001 - law 1: a control that raises yields deny
            reason = f"The control {control.value} failed."
            rulings.append(Ruling(control, Verdict.DENY, Code.INTERNAL_ERROR, reason))
    return conclude(case, rulings, now)


def remote_need(
    snapshot: Snapshot, request: Request, caller: Caller, now: float, kin: Kin = None
) -> Remote | None:
    """What the policy asks of the platform for this request; None if it asks nothing, or it is denied in any case.

    What it asks for an agent that this is done for counts as well: the platform scores what is done.
    """
    case = with_kin(examine(snapshot, request, caller, now, None, NOTHING_GRANTED, None), kin)
    cases = (case, *case.above)
    asking = [one.policy.remote for one in cases if one.policy is not None and one.policy.remote is not None]
    if not asking:
        return None
    # Where an outage lifts the thresholds, whether there is one must be known although they would deny.
    lifts = any(remote.unavailable is WhenUnavailable.OPEN for remote in asking)
    depends = {Control.PLATFORM, Control.DELEGATION} | ({Control.RISK} if lifts else set())
    others = (rule(one) for one in cases for control, rule in CONTROLS if control not in depends)
    if _misplaced(case) or any(ruling.verdict is Verdict.DENY for ruling in others):
        return None
    return min(asking, key=lambda remote: remote.cache)


def conclude(case: Case, rulings: Sequence[Ruling], now: float) -> Decision:
    """The strictest of the rulings; a deny `missing_ruling` unless they are one of each control, in order."""
    if [ruling.control for ruling in rulings] != _ORDER:
        leading = Ruling(Control.POLICY, Verdict.DENY, Code.MISSING_RULING, "A control did not rule.")
    else:
        leading = strictest(rulings)
    policy = case.policy or _NO_POLICY
    if case.above:
        policy = _with_duties_of(policy, case.above)
    return Decision(
        verdict=leading.verdict,
        code=leading.code,
        reason=leading.reason,
        now=now,
        revision=case.snapshot.revision,
        rules=policy.rules,
        risk=case.risk,
        obligations=policy.obligations,
        valid_for=policy.valid_for,
        stages=stages_of(rulings) if leading.verdict is _PENDING else (),
        rulings=tuple([ruling for ruling in rulings if ruling.code is not _SILENT]),
        errors=policy.errors or case.failures,
    )


def _with_duties_of(policy: PolicyResult, above: Sequence[Case]) -> PolicyResult:
    """What an agent above must do besides, and by when, holds below as well; each kind (id and type) once."""
    policies = [policy, *(one.policy for one in above if one.policy is not None)]
    duties: dict[tuple[str, str], Obligation] = {}
    for one in policies:
        for duty in one.obligations:
            duties.setdefault((duty.id, duty.type), duty)
    valid_for = min(one.valid_for for one in policies)
    return msgspec.structs.replace(policy, obligations=tuple(duties.values()), valid_for=valid_for)


def _misplaced(case: Case) -> bool:
    """Whether where the request stands is refused, whatever the agents above would get for it."""
    return _delegation(msgspec.structs.replace(case, above=())).verdict is Verdict.DENY


def _delegation(case: Case) -> Ruling:
    """As strict as what each agent above would get for the same; see core/delegation.py."""
    bundle = case.snapshot.bundle
    if bundle is None:
        return LACKS
    if case.kin is None and not is_orchestrated(case.request.context):
        return FREE
    above = [_for_itself(one) for one in case.above]
    most = bundle.policies.defaults.max_depth
    return rule_on_delegation(case.request.context, case.kin, most, above, case.granted)


def _for_itself(case: Case) -> Ruling:
    """The strictest of what all other controls say, with the stages of every one that holds."""
    rulings = [rule(case) for _, rule in _OF_ONE]
    return msgspec.structs.replace(strictest(rulings), stages=stages_of(rulings))


_OF_ONE: Final[tuple[tuple[Control, Rule], ...]] = (
    (Control.KILL_SWITCH, controls.kill_switch),
    (Control.FRESHNESS, controls.freshness),
    (Control.CALLER, controls.caller),
    (Control.REGISTRY, controls.registry),
    (Control.POLICY, controls.policy),
    (Control.PLATFORM, controls.platform),
    (Control.RISK, controls.risk),
)
CONTROLS: Final[tuple[tuple[Control, Rule], ...]] = (*_OF_ONE, (Control.DELEGATION, _delegation))
_ORDER: Final = list(Control)
