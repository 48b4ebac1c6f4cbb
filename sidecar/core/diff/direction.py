"""Direction: whether a change can only loosen, only tighten, or do either. Sound: where it is not sure, either.

A change of a rule is taken apart into steps: the requests that it matches, its effect, and what else it says. What
each does to decisions follows from how rules are combined and limits chosen: a deny that matches more tightens, an
allow that matches more loosens; an approve that matches more holds what was allowed, but also what nothing had
matched and was denied. Of an answer's life time and duties only the rule's own are looked at, not those that other
rules have for the same request.
"""

from collections.abc import Iterator
from typing import Final

from sidecar.core.diff.change import Direction, reverse, together
from sidecar.core.diff.parts import of_answer, of_limit, of_number, of_obligations, of_stages
from sidecar.core.model import Thresholds
from sidecar.core.policy import Defaults, Effect
from sidecar.core.policy.cover import covers_ids, covers_names
from sidecar.core.policy.tokens import words
from sidecar.core.policy.values import Rule

_EFFECTS: Final = (Effect.ALLOW, Effect.APPROVE, Effect.DENY)


def of_growth(rule: Rule) -> Direction:
    """Of a rule that comes to match more requests; also of one that is added."""
    if rule.effect is Effect.DENY:
        return Direction.TIGHTENS
    says_more = rule.thresholds or rule.obligations or rule.score or rule.on_platform_unavailable
    return Direction.EITHER if rule.effect is Effect.APPROVE or says_more else Direction.LOOSENS


def of_change(old: Rule, new: Rule, old_defaults: Defaults, new_defaults: Defaults) -> Direction:
    """Of a rule that was one and is now the other."""
    return together(
        (_of_match(old, new), _of_effect(old, new), *_of_rest(old, new, old_defaults, new_defaults))
    )


def _of_match(old: Rule, new: Rule) -> Direction:
    """The step of matching more or less, taken while the rule has the looser of both effects.

    Growing and shrinking are tightening and loosening as of a deny.
    """
    growth = of_growth(min(old, new, key=lambda rule: _EFFECTS.index(rule.effect)))
    ways = together((*_patterns(old, new), _condition(old, new)))
    if ways is Direction.TIGHTENS:
        return growth
    return reverse(growth) if ways is Direction.LOOSENS else ways


def _patterns(old: Rule, new: Rule) -> Iterator[Direction]:
    yield _way(covers_names(new.actions, old.actions), covers_names(old.actions, new.actions))
    yield _way(covers_ids(new.resources, old.resources), covers_ids(old.resources, new.resources))
    yield _way(covers_ids(new.subjects, old.subjects), covers_ids(old.subjects, new.subjects))


def _way(keeps_all: bool, adds_none: bool) -> Direction:
    if keeps_all and adds_none:
        return Direction.NEITHER
    return Direction.TIGHTENS if keeps_all else Direction.LOOSENS if adds_none else Direction.EITHER


def _condition(old: Rule, new: Rule) -> Direction:
    if old.when is None or new.when is None:
        return _way(old.when is not None or new.when is None, new.when is not None or old.when is None)
    return Direction.NEITHER if words(old.when) == words(new.when) else Direction.EITHER


def _of_effect(old: Rule, new: Rule) -> Direction:
    if old.effect is new.effect:
        return Direction.NEITHER
    # A condition that errs matches in an approve rule and not in an allow rule, where nothing else may match: a deny.
    if Effect.DENY not in {old.effect, new.effect} and (old.when or new.when):
        return Direction.EITHER
    is_stricter = _EFFECTS.index(new.effect) > _EFFECTS.index(old.effect)
    return Direction.TIGHTENS if is_stricter else Direction.LOOSENS


def _of_rest(old: Rule, new: Rule, old_defaults: Defaults, new_defaults: Defaults) -> Iterator[Direction]:
    """What a rule says besides counts only while it does not deny."""
    if Effect.DENY in {old.effect, new.effect}:
        return
    before, after = old.thresholds or Thresholds(), new.thresholds or Thresholds()
    yield of_limit(before.approve, after.approve)
    yield of_limit(before.deny, after.deny)
    yield of_number(new.valid_for, old.valid_for)
    yield of_obligations(old.obligations, new.obligations)
    yield Direction.NEITHER if old.score is new.score else Direction.EITHER
    yield of_answer(old.on_platform_unavailable, new.on_platform_unavailable)
    yield of_number(new.allow_when_blind, old.allow_when_blind)
    if old.effect is new.effect and (old.stages != old_defaults.stages or new.stages != new_defaults.stages):
        yield of_stages(old.stages, new.stages)
