"""The controls that rule on a request by itself: each looks at the case and says exactly one thing.

The one that looks at other agents' cases too is with the judgement, because it asks all of these again.
"""

from typing import Final

from sidecar.core.case import Case
from sidecar.core.delegation import Kin, Lineage
from sidecar.core.killswitch import Kind, objection, target_of
from sidecar.core.model import Code, Control, Ruling, Subject, Verdict
from sidecar.core.scoring import proceeds_open, rule_on

_SWITCH_FREE: Final = Ruling(Control.KILL_SWITCH, Verdict.ALLOW, Code.NOT_APPLICABLE)
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


def kill_switch(case: Case) -> Ruling:
    """Halts hit who acts, whom it is done for, and what is used; see core/killswitch."""
    halts = case.snapshot.halts
    if halts.is_clear:
        return _SWITCH_FREE
    groups = case.groups if Kind.GROUP in halts.named else ()
    target = target_of(case.request, groups, _ancestors(case.kin), halts.named)
    decides_blind = case.policy is not None and case.policy.allow_when_blind
    return objection(halts, target, case.now, decides_blind=decides_blind) or _SWITCH_FREE


def _ancestors(kin: Kin) -> tuple[Subject, ...]:
    return kin.ancestors if isinstance(kin, Lineage) else ()


def freshness(case: Case) -> Ruling:
    snapshot = case.snapshot
    bundle = snapshot.bundle
    if bundle is None:
        return _EXPIRED if snapshot.missing is Code.BUNDLE_EXPIRED else _NO_BUNDLE
    if case.now >= bundle.expires_at:
        return _EXPIRED
    return _STALE if case.now >= snapshot.stale_at else _FRESH


def caller(case: Case) -> Ruling:
    agent = case.agent
    if agent is None or not agent.is_bound or agent.admits(case.caller):
        return _CALLER_FREE
    reason = "This subject is bound to another uid or token than the caller's."
    return Ruling(Control.CALLER, Verdict.DENY, Code.CALLER_NOT_BOUND, reason)


def registry(case: Case) -> Ruling:
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


def policy(case: Case) -> Ruling:
    policy = case.policy
    if policy is None:
        return _POLICY_LACKS
    return Ruling(Control.POLICY, policy.verdict, policy.code, policy.reason, policy.stages)


def platform(case: Case) -> Ruling:
    bundle = case.snapshot.bundle
    stages = bundle.policies.defaults.stages if bundle else ()
    return rule_on(case.policy, case.facts, case.granted, stages)


def risk(case: Case) -> Ruling:
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
