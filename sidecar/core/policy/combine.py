"""Combining: any deny denies, else any approve holds, else any allow allows, else nothing was said: deny."""

from collections.abc import Iterable, Sequence
from typing import Final

from sidecar.core.model import Code, Obligation, Stage, Thresholds, Verdict
from sidecar.core.policy.values import (
    DEFAULT_VALID_FOR,
    GRANTED_RULE,
    Defaults,
    Effect,
    PolicyResult,
    Remote,
    Rule,
    Score,
    WhenUnavailable,
)

_MAX_REASON: Final = 512
_NO_DEFAULTS: Final = Defaults()
_STRICTEST: Final = (WhenUnavailable.DENY, WhenUnavailable.LOCAL, WhenUnavailable.OPEN)
_NO_MATCH: Final = PolicyResult(Verdict.DENY, Code.NO_MATCHING_RULE, "No policy rule matches this request.")
_OUTCOMES: Final = (
    (Effect.DENY, Verdict.DENY, Code.POLICY_DENIED, "Denied by"),
    (Effect.APPROVE, Verdict.PENDING, Code.APPROVAL_REQUIRED, "Needs approval by"),
    (Effect.ALLOW, Verdict.ALLOW, Code.ALLOWED, "Allowed by"),
)


def combine(
    matched: Sequence[Rule],
    errors: tuple[str, ...] = (),
    granted: frozenset[str] = frozenset(),
    defaults: Defaults = _NO_DEFAULTS,
) -> PolicyResult:
    """The result of the rules that matched, in the order they are written in.

    An approve rule that is among the `granted` holds allows instead of holding.
    """
    for effect, verdict, code, phrase in _OUTCOMES:
        deciding = [rule for rule in matched if _effect(rule, granted) is effect]
        if deciding:
            is_approved = effect is Effect.ALLOW and any(rule.effect is Effect.APPROVE for rule in deciding)
            return PolicyResult(
                verdict=verdict,
                code=Code.APPROVED if is_approved else code,
                reason=_approved(deciding) if is_approved else _reason(deciding, phrase),
                rules=tuple(rule.id for rule in deciding),
                stages=_stages(deciding) if verdict is Verdict.PENDING else (),
                obligations=_obligations(deciding),
                valid_for=_valid_for(matched),
                thresholds=_thresholds(matched),
                errors=errors,
                remote=None if verdict is Verdict.DENY else _remote(matched, defaults),
                allow_when_blind=all(rule.allow_when_blind for rule in deciding),
            )
    return (
        PolicyResult(_NO_MATCH.verdict, _NO_MATCH.code, _NO_MATCH.reason, errors=errors)
        if errors
        else _NO_MATCH
    )


def _approved(deciding: Sequence[Rule]) -> str:
    """A rule's own reason says why people are asked, which they have been."""
    ids = ", ".join(rule.id for rule in deciding if rule.effect is Effect.APPROVE)
    return f"Approved by people under rule {ids}."[:_MAX_REASON]


def _effect(rule: Rule, granted: frozenset[str]) -> Effect:
    is_granted = rule.effect is Effect.APPROVE and GRANTED_RULE + rule.id in granted
    return Effect.ALLOW if is_granted else rule.effect


def _reason(deciding: Sequence[Rule], phrase: str) -> str:
    reasons = dict.fromkeys(rule.reason for rule in deciding if rule.reason)
    text = " ".join(reasons) or f"{phrase} rule {', '.join(rule.id for rule in deciding)}."
    return text if len(text) <= _MAX_REASON else f"{text[: _MAX_REASON - 1]}…"


def _stages(deciding: Sequence[Rule]) -> tuple[Stage, ...]:
    """Of all rules that hold, equal ones once."""
    return tuple(dict.fromkeys(stage for rule in deciding for stage in rule.stages))


def _remote(matched: Sequence[Rule], defaults: Defaults) -> Remote | None:
    """If a rule lets the platform score: the strictest of what they say of its absence, and the shortest cache."""
    asking = [rule for rule in matched if (rule.score or defaults.score) is Score.PLATFORM]
    if not asking:
        return None
    absent = [rule.on_platform_unavailable or defaults.on_platform_unavailable for rule in asking]
    return Remote(min(absent, key=_STRICTEST.index), min(rule.cache for rule in asking))


def _obligations(deciding: Sequence[Rule]) -> tuple[Obligation, ...]:
    """Each kind of obligation (id and type) once: the first rule's."""
    union: dict[tuple[str, str], Obligation] = {}
    for rule in deciding:
        for obligation in rule.obligations:
            union.setdefault((obligation.id, obligation.type), obligation)
    return tuple(union.values())


def _valid_for(matched: Sequence[Rule]) -> float:
    """Of approve rules as well: once approved, an answer lasts no longer than the rule that held it says."""
    return min(
        (rule.valid_for for rule in matched if rule.effect is not Effect.DENY), default=DEFAULT_VALID_FOR
    )


def _thresholds(matched: Sequence[Rule]) -> Thresholds | None:
    declared = [rule.thresholds for rule in matched if rule.thresholds]
    if not declared:
        return None
    return Thresholds(_least(t.approve for t in declared), _least(t.deny for t in declared))


def _least(limits: Iterable[int | None]) -> int | None:
    return min((limit for limit in limits if limit is not None), default=None)
