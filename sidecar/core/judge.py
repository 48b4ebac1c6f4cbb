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

from sidecar.core.caller import Agent
from sidecar.core.delegation import FREE, LACKS, Kin, Lineage, is_orchestrated
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
    Stage,
    Verdict,
)
from sidecar.core.policy import Inputs, PolicyResult, Remote, WhenUnavailable
from sidecar.core.scoring import Facts, proceeds_open, raised, rule_on
from sidecar.core.snapshot import Snapshot

_NOTHING_GRANTED: Final[frozenset[str]] = frozenset()


class Case(msgspec.Struct, frozen=True, gc=False):
    """What the controls look at. `risk` and `policy` are None where they could not be found out.

    `above` is the same of each agent that this is done for, nearest first.
    """

    snapshot: Snapshot
    request: Request
    caller: Caller
    now: float
    agent: Agent | None
    risk: Risk | None
    policy: PolicyResult | None
    failures: tuple[str, ...] = ()
    granted: frozenset[str] = _NOTHING_GRANTED
    facts: Facts = None
    kin: Kin = None
    above: tuple["Case", ...] = ()


def judge(
    snapshot: Snapshot,
    request: Request,
    caller: Caller,
    now: float,
    risk: Risk | None = None,
    granted: frozenset[str] = _NOTHING_GRANTED,
    facts: Facts = None,
    kin: Kin = None,
) -> Decision:
    """The decision on one request as of `now` (epoch seconds). Never raises.

    `risk` is what an earlier judgement of this request assessed; without it the risk is assessed here. `granted` are
    holds (`rule:ID`, or a control) that people have approved for this very request: who held then allows. `facts` are
    what the platform says of it, `kin` what was found of the decision that it was delegated under.
    """
    case = _with_kin(_examine(snapshot, request, caller, now, risk, granted, facts), kin)
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
    case = _with_kin(_examine(snapshot, request, caller, now, None, _NOTHING_GRANTED, None), kin)
    cases = (case, *case.above)
    asking = [one.policy.remote for one in cases if one.policy is not None and one.policy.remote is not None]
    if not asking:
        return None
    # Where an outage lifts the thresholds, whether there is one must be known although they would deny.
    lifts = any(remote.unavailable is WhenUnavailable.OPEN for remote in asking)
    depends = {Control.PLATFORM, Control.DELEGATION} | ({Control.RISK} if lifts else set())
    others = (rule(one) for one in cases for control, rule in CONTROLS if control not in depends)
    if any(ruling.verdict is Verdict.DENY for ruling in others):
        return None
    return min(asking, key=lambda remote: remote.cache)


def _examine(
    snapshot: Snapshot,
    request: Request,
    caller: Caller,
    now: float,
    risk: Risk | None,
    granted: frozenset[str],
    facts: Facts,
) -> Case:
    bundle = snapshot.bundle
    if bundle is None:
        return Case(snapshot, request, caller, now, None, None, None)
    subject = request.subject
    agent = bundle.agents.find(f"{subject.type}:{subject.id}") if bundle.agents else None
    try:
        if risk is None:
            risk = bundle.risk.assess(request)
        if facts is not None:
            risk = raised(risk, facts, bundle.risk.bands)
        policy = bundle.policies.evaluate(Inputs(request, risk, caller, now, granted=granted))
    except Exception as error:  # noqa: BLE001 - what failed is lacking, and the control that needs it denies
        return Case(snapshot, request, caller, now, agent, risk, None, (type(error).__name__,), facts=facts)
    return Case(snapshot, request, caller, now, agent, risk, policy, granted=granted, facts=facts)


def _with_kin(case: Case, kin: Kin) -> Case:
    """The case with those of the agents above: the same request, as if each of them had made it.

    The risk is that of what is done, whoever does it. What people approved, they approved of this agent.
    """
    if not isinstance(kin, Lineage):
        return case if kin is None else msgspec.structs.replace(case, kin=kin)
    above = tuple(
        _examine(
            case.snapshot,
            msgspec.structs.replace(case.request, subject=subject),
            case.caller,
            case.now,
            case.risk,
            _NOTHING_GRANTED,
            case.facts,
        )
        for subject in kin.ancestors
    )
    return msgspec.structs.replace(case, kin=kin, above=above)


def conclude(case: Case, rulings: Sequence[Ruling], now: float) -> Decision:
    """The strictest of the rulings; a deny `missing_ruling` unless they are one of each control, in order."""
    if [ruling.control for ruling in rulings] != _ORDER:
        strictest = Ruling(Control.POLICY, Verdict.DENY, Code.MISSING_RULING, "A control did not rule.")
    else:
        strictest = _strictest(rulings)
    policy = case.policy or _NO_POLICY
    if case.above:
        policy = _with_duties_of(policy, case.above)
    return Decision(
        verdict=strictest.verdict,
        code=strictest.code,
        reason=strictest.reason,
        now=now,
        revision=case.snapshot.revision,
        rules=policy.rules,
        risk=case.risk,
        obligations=policy.obligations,
        valid_for=policy.valid_for,
        stages=_stages(rulings) if strictest.verdict is _PENDING else (),
        rulings=tuple([ruling for ruling in rulings if ruling.code is not _SILENT]),
        errors=policy.errors or case.failures,
    )


def _strictest(rulings: Sequence[Ruling]) -> Ruling:
    """The first deny, else the first hold, else the first allow that is to be marked, else what the policy says."""
    held = approved = None
    for ruling in rulings:
        if ruling.verdict is _DENY:
            return ruling
        if held is None and ruling.verdict is _PENDING:
            held = ruling
        if approved is None and ruling.code in _MARKED:
            approved = ruling
    return held or approved or rulings[_POLICY]


def _stages(rulings: Sequence[Ruling]) -> tuple[Stage, ...]:
    held = (stage for ruling in rulings if ruling.verdict is Verdict.PENDING for stage in ruling.stages)
    return tuple(dict.fromkeys(held))


# Names of their own: to look a member up in its class costs more than to compare it.
_DENY: Final = Verdict.DENY
_PENDING: Final = Verdict.PENDING
_SILENT: Final = Code.NOT_APPLICABLE


def _with_duties_of(policy: PolicyResult, above: Sequence[Case]) -> PolicyResult:
    """What an agent above must do besides, and by when, holds below as well; each kind (id and type) once."""
    policies = [policy, *(one.policy for one in above if one.policy is not None)]
    duties: dict[tuple[str, str], Obligation] = {}
    for one in policies:
        for duty in one.obligations:
            duties.setdefault((duty.id, duty.type), duty)
    valid_for = min(one.valid_for for one in policies)
    return msgspec.structs.replace(policy, obligations=tuple(duties.values()), valid_for=valid_for)


# What was only allowed because people approved it, or because nothing scored it.
_MARKED: Final = frozenset({Code.APPROVED, Code.PLATFORM_OPEN})
_NO_POLICY: Final = PolicyResult(Verdict.DENY, Code.INTERNAL_ERROR, "", valid_for=0.0)
_FRESH: Final = Ruling(Control.FRESHNESS, Verdict.ALLOW, Code.NOT_APPLICABLE)
_NO_BUNDLE: Final = Ruling(
    Control.FRESHNESS, Verdict.DENY, Code.NO_BUNDLE, "No verified policy bundle is active yet."
)
_EXPIRED: Final = Ruling(
    Control.FRESHNESS, Verdict.DENY, Code.BUNDLE_EXPIRED, "The policy bundle has expired."
)
_STALE: Final = Ruling(
    Control.FRESHNESS,
    Verdict.DENY,
    Code.BUNDLE_STALE,
    "For too long nobody could look whether there is a newer policy bundle.",
)
_CALLER_FREE: Final = Ruling(Control.CALLER, Verdict.ALLOW, Code.NOT_APPLICABLE)
_REGISTRY_FREE: Final = Ruling(Control.REGISTRY, Verdict.ALLOW, Code.NOT_APPLICABLE)
_REGISTRY_LACKS: Final = Ruling(
    Control.REGISTRY,
    Verdict.DENY,
    Code.INTERNAL_ERROR,
    "There is no registry of servers and models to look at.",
)
_POLICY_LACKS: Final = Ruling(
    Control.POLICY, Verdict.DENY, Code.INTERNAL_ERROR, "The policy could not be evaluated."
)
_RISK_FREE: Final = Ruling(Control.RISK, Verdict.ALLOW, Code.NOT_APPLICABLE)
_RISK_LACKS: Final = Ruling(
    Control.RISK, Verdict.DENY, Code.INTERNAL_ERROR, "The risk could not be assessed."
)


def _freshness(case: Case) -> Ruling:
    snapshot = case.snapshot
    bundle = snapshot.bundle
    if bundle is None:
        return _EXPIRED if snapshot.missing is Code.BUNDLE_EXPIRED else _NO_BUNDLE
    if case.now >= bundle.expires_at:
        return _EXPIRED
    return _STALE if case.now >= snapshot.stale_at else _FRESH


def _caller(case: Case) -> Ruling:
    agent = case.agent
    if agent is None or not agent.is_bound or agent.admits(case.caller):
        return _CALLER_FREE
    reason = "This subject is bound to another uid or token than the caller's."
    return Ruling(Control.CALLER, Verdict.DENY, Code.CALLER_NOT_BOUND, reason)


def _registry(case: Case) -> Ruling:
    """The servers, tools and models that the bundle refuses; see core/registry.py."""
    bundle = case.snapshot.bundle
    if bundle is None:
        return _REGISTRY_LACKS
    if not bundle.registry.gates:
        return _REGISTRY_FREE
    objection = bundle.registry.objection(case.request)
    if objection is None:
        return _REGISTRY_FREE
    return Ruling(Control.REGISTRY, Verdict.DENY, objection.code, objection.reason)


def _policy(case: Case) -> Ruling:
    policy = case.policy
    if policy is None:
        return _POLICY_LACKS
    return Ruling(Control.POLICY, policy.verdict, policy.code, policy.reason, policy.stages)


def _platform(case: Case) -> Ruling:
    bundle = case.snapshot.bundle
    stages = bundle.policies.defaults.stages if bundle else ()
    return rule_on(case.policy, case.facts, case.granted, stages)


def _risk(case: Case) -> Ruling:
    """Each limit comes from the matching allow rules, else the agent, else the defaults; none, no ruling."""
    if case.risk is None or case.policy is None or case.snapshot.bundle is None:
        return _RISK_LACKS
    if proceeds_open(case.policy, case.facts):
        return _RISK_FREE
    score, defaults = case.risk.score, case.snapshot.bundle.policies.defaults
    approve = deny = None
    of_agent = case.agent.thresholds if case.agent else None
    for limits in (case.policy.thresholds, of_agent, defaults.thresholds):
        if limits is not None:
            approve = limits.approve if approve is None else approve
            deny = limits.deny if deny is None else deny
    if deny is not None and score >= deny:
        reason = f"The risk score {score} reaches the limit of {deny} from which on actions are denied."
        return Ruling(Control.RISK, Verdict.DENY, Code.RISK_TOO_HIGH, reason)
    if approve is None or score < approve:
        return _RISK_FREE
    limit = f"the limit of {approve} from which on a human must approve"
    if Control.RISK.value in case.granted:
        reason = f"The risk score {score} reaches {limit}, and people approved."
        return Ruling(Control.RISK, Verdict.ALLOW, Code.APPROVED, reason)
    reason = f"The risk score {score} reaches {limit}."
    return Ruling(Control.RISK, Verdict.PENDING, Code.RISK_NEEDS_APPROVAL, reason, defaults.stages)


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
    rulings = [rule(case) for control, rule in CONTROLS if control is not Control.DELEGATION]
    return msgspec.structs.replace(_strictest(rulings), stages=_stages(rulings))


CONTROLS: Final[tuple[tuple[Control, Callable[[Case], Ruling]], ...]] = (
    (Control.FRESHNESS, _freshness),
    (Control.CALLER, _caller),
    (Control.REGISTRY, _registry),
    (Control.POLICY, _policy),
    (Control.PLATFORM, _platform),
    (Control.RISK, _risk),
    (Control.DELEGATION, _delegation),
)
_ORDER: Final = list(Control)
_POLICY: Final = _ORDER.index(Control.POLICY)
