"""Changes of rules, which are known by their id: files and the order in them make no difference."""

from collections.abc import Iterator, Sequence
from typing import Final

from sidecar.core.diff.change import Change, Detail, Direction, Kind, What, details, reverse
from sidecar.core.diff.direction import of_change, of_growth
from sidecar.core.diff.words import duration, obligation_in_words, stages_in_words
from sidecar.core.model import JSON, Thresholds
from sidecar.core.policy import Defaults, Effect
from sidecar.core.policy.globs import Glob
from sidecar.core.policy.tokens import words
from sidecar.core.policy.values import Rule, TypedGlob

_BY_DEFAULT: Final = "as in defaults"


def rule_changes(
    old: Sequence[Rule], new: Sequence[Rule], old_defaults: Defaults, new_defaults: Defaults
) -> Iterator[Change]:
    """Rules that were removed, then those that were added or changed in the order of the new bundle."""
    before, after = {rule.id: rule for rule in old}, {rule.id for rule in new}
    for rule in old:
        if rule.id not in after:
            found = tuple(details(_fields(rule, old_defaults), {}))
            yield _change(Kind.REMOVED, rule, reverse(of_growth(rule)), found)
    for rule in new:
        known = before.get(rule.id)
        if known is None:
            found = tuple(details({}, _fields(rule, new_defaults)))
            yield _change(Kind.ADDED, rule, of_growth(rule), found)
        elif found := tuple(_details(known, rule, old_defaults, new_defaults)):
            direction = of_change(known, rule, old_defaults, new_defaults)
            yield _change(Kind.CHANGED, rule, direction, found)


def _change(kind: Kind, rule: Rule, direction: Direction, found: tuple[Detail, ...]) -> Change:
    return Change(What.RULE, kind, rule.id, direction, found, str(rule.place))


def _details(old: Rule, new: Rule, old_defaults: Defaults, new_defaults: Defaults) -> Iterator[Detail]:
    is_same = words(old.when or "") == words(new.when or "")
    for detail in details(_fields(old, old_defaults), _fields(new, new_defaults)):
        if detail.field != "when" or not is_same:
            yield detail


def _fields(rule: Rule, defaults: Defaults) -> dict[str, JSON]:
    """What the rule says, field by field; what it leaves out is not among them."""
    limits = rule.thresholds or Thresholds()
    fields = {
        "effect": rule.effect,
        "subjects": _texts(rule.subjects),
        "actions": _texts(rule.actions),
        "resources": _texts(rule.resources),
        "when": rule.when,
        "thresholds.approve": limits.approve,
        "thresholds.deny": limits.deny,
        "valid_for": None if rule.effect is Effect.DENY else duration(rule.valid_for),
        "approval": _approval(rule, defaults),
        "obligations": [obligation_in_words(one) for one in rule.obligations] or None,
        "score": rule.score,
        "on_platform_unavailable": rule.on_platform_unavailable,
        "allow_when_blind": rule.allow_when_blind or None,
        "reason": rule.reason or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _texts(patterns: Sequence[Glob | TypedGlob] | None) -> list[str] | None:
    return None if patterns is None else sorted({pattern.text for pattern in patterns})


def _approval(rule: Rule, defaults: Defaults) -> str | None:
    """A rule that leaves the stages to the defaults has not changed where they have."""
    if rule.effect is not Effect.APPROVE:
        return None
    return _BY_DEFAULT if rule.stages == defaults.stages else stages_in_words(rule.stages)
