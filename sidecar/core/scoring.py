"""Scoring by the platform: what its answer, or that there is none, means for one request. It can only tighten.

The policy says whether the platform is asked, and what holds where it does not answer: `deny` (the default), `local`
(the embedded score decides), `open` (the action proceeds ungoverned by platform and thresholds, and is marked; only
during an outage, as with the SDK's own fail mode).
"""

from typing import Final, TypeAlias

import msgspec

from sidecar.core.model import Code, Control, Risk, Ruling, Stage, Verdict
from sidecar.core.platform import Scored, Unavailable
from sidecar.core.policy import PolicyResult, Remote, WhenUnavailable
from sidecar.core.risk import Bands, band

# What the platform said of a request; None: it was not asked, or there is none to ask.
Facts: TypeAlias = Scored | Unavailable | None

_FREE: Final = Ruling(Control.PLATFORM, Verdict.ALLOW, Code.NOT_APPLICABLE)
_SCORED: Final = Ruling(Control.PLATFORM, Verdict.ALLOW, Code.PLATFORM_SCORED)
_LACKS: Final = Ruling(
    Control.PLATFORM,
    Verdict.DENY,
    Code.INTERNAL_ERROR,
    "Whether the platform decides could not be found out.",
)
_LOCAL: Final = Ruling(
    Control.PLATFORM,
    Verdict.ALLOW,
    Code.PLATFORM_LOCAL,
    "The platform did not answer; the score of the sidecar decided, as the policy has it.",
)
_OPEN: Final = Ruling(
    Control.PLATFORM,
    Verdict.ALLOW,
    Code.PLATFORM_OPEN,
    "The platform did not answer, and the policy lets this proceed ungoverned.",
)


def rule_on(
    policy: PolicyResult | None, facts: Facts, granted: frozenset[str], stages: tuple[Stage, ...]
) -> Ruling:
    """The platform's ruling. `stages` are those of people who answer its holds here."""
    if isinstance(facts, Scored) and facts.verdict is not Verdict.ALLOW:
        return _refused(facts, granted, stages)
    if policy is None:
        return _LACKS
    remote = policy.remote
    if remote is None:
        return _FREE
    return _SCORED if isinstance(facts, Scored) else _absent(remote, facts)


def _absent(remote: Remote, facts: Unavailable | None) -> Ruling:
    if remote.unavailable is WhenUnavailable.LOCAL:
        return _LOCAL
    if _may_proceed(remote, facts):
        return _OPEN
    why = f": {facts.reason}" if isinstance(facts, Unavailable) else ": none is configured"
    reason = f"The platform, which has to score this, does not answer{why}."
    return Ruling(Control.PLATFORM, Verdict.DENY, Code.PLATFORM_UNAVAILABLE, reason)


def proceeds_open(policy: PolicyResult, facts: Facts) -> bool:
    """Whether thresholds do not hold, because nothing was scored and the policy lets that pass."""
    remote = policy.remote
    return remote is not None and not isinstance(facts, Scored) and _may_proceed(remote, facts)


def _may_proceed(remote: Remote, facts: Unavailable | None) -> bool:
    """Open is for a platform that is slow or gone, not for one that refuses this request, or was never there."""
    return remote.unavailable is WhenUnavailable.OPEN and facts is not None and facts.is_outage


def raised(risk: Risk, facts: Facts, bands: Bands) -> Risk:
    """The risk with the higher of both scores."""
    if not isinstance(facts, Scored) or facts.score is None or facts.score <= risk.score:
        return risk
    line = f"the platform's score {facts.score} +{facts.score - risk.score}"
    return msgspec.structs.replace(
        risk, score=facts.score, level=band(bands, facts.score), because=(*risk.because, line)
    )


def _refused(facts: Scored, granted: frozenset[str], stages: tuple[Stage, ...]) -> Ruling:
    told = facts.reason or "The platform gave no reason."
    if facts.verdict is Verdict.DENY:
        return Ruling(Control.PLATFORM, Verdict.DENY, Code.PLATFORM_DENIED, told)
    if Control.PLATFORM.value in granted:
        reason = "The platform holds this, and people approved."
        return Ruling(Control.PLATFORM, Verdict.ALLOW, Code.APPROVED, reason)
    if not stages:
        reason = f"The platform holds this, and nobody is named here to approve: {told}"
        return Ruling(Control.PLATFORM, Verdict.DENY, Code.PLATFORM_HOLD, reason)
    return Ruling(Control.PLATFORM, Verdict.PENDING, Code.PLATFORM_HOLD, told, stages)
