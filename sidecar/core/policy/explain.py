"""Explaining: every rule looked at, matched or not, and why. For people; evaluation does not pass here."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sidecar.core.model import Request
from sidecar.core.policy.compiled import CompiledRule, names_of
from sidecar.core.policy.condition import Condition, ConditionError
from sidecar.core.policy.context import build_context, union_of_needs
from sidecar.core.policy.data import Data
from sidecar.core.policy.globs import Glob
from sidecar.core.policy.values import Effect, Inputs, Part, RuleFinding, TypedGlob

_MAX_PATTERNS = 8


class _Look(NamedTuple):
    matched: bool
    part: Part
    why: str


def explain(
    rules: Iterable[CompiledRule], inputs: Inputs, twin: Request, data: Data
) -> tuple[RuleFinding, ...]:
    """A finding for each rule, in order. `twin` is the request with normal paths, or the request itself."""
    return tuple(_finding(compiled, inputs, twin, data) for compiled in rules)


def _finding(compiled: CompiledRule, inputs: Inputs, twin: Request, data: Data) -> RuleFinding:
    look = _look(compiled, inputs, inputs.request, data)
    if twin is not inputs.request:
        look = _both(compiled.rule.effect, look, _look(compiled, inputs, twin, data))
    rule = compiled.rule
    return RuleFinding(rule.id, rule.effect, look.matched, look.part, look.why, str(rule.place))


def _both(effect: Effect, written: _Look, normal: _Look) -> _Look:
    if written.matched == normal.matched:
        return written
    which, other = ("written", normal.why) if written.matched else ("normalised", written.why)
    if effect is Effect.DENY:
        return _Look(
            matched=True, part=Part.PATH, why=f"matches with its paths {which}, which is enough to deny"
        )
    why = f"matches only with its paths {which}, and must match both ways: otherwise {other}"
    return _Look(matched=False, part=Part.PATH, why=why)


def _look(compiled: CompiledRule, inputs: Inputs, request: Request, data: Data) -> _Look:
    names = names_of(request)
    rule = compiled.rule
    if not compiled.fits_subject(names.subject_type, names.subject_id):
        return _misfit(Part.SUBJECT, names.subject, rule.subjects)
    if not compiled.fits_action(names.action):
        return _misfit(Part.ACTION, names.action, rule.actions)
    if not compiled.fits_resource(names.resource_type, names.resource_id):
        return _misfit(Part.RESOURCE, names.resource, rule.resources)
    if compiled.condition is None:
        return _Look(matched=True, part=Part.ALL, why="matches")
    return _condition(compiled.condition, rule.effect, inputs, request, data)


def _misfit(part: Part, name: str, patterns: Sequence[Glob | TypedGlob] | None) -> _Look:
    patterns = patterns or ()
    shown = ", ".join(f"`{pattern.text}`" for pattern in patterns[:_MAX_PATTERNS])
    more = f" and {len(patterns) - _MAX_PATTERNS} more" if len(patterns) > _MAX_PATTERNS else ""
    return _Look(matched=False, part=part, why=f"the {part.value} `{name}` matches none of {shown}{more}")


def _condition(condition: Condition, effect: Effect, inputs: Inputs, request: Request, data: Data) -> _Look:
    try:
        holds = condition.holds(build_context(inputs, request, union_of_needs(condition), data))
    except ConditionError as error:
        matched = effect is not Effect.ALLOW
        word = "matched" if matched else "not matched"
        why = f"the condition erred: {error}; in a rule that would {effect.value} that counts as {word}"
        return _Look(matched=matched, part=Part.CONDITION, why=why)
    if holds:
        return _Look(matched=True, part=Part.ALL, why="matches, and its condition holds")
    return _Look(matched=False, part=Part.CONDITION, why="the condition is false")
