"""Erring: conditions with a part that errs on every sample, whatever the request holds: it can never be right.

Tried on samples, not proven from the text: the condition language has no type checker, but it has this one engine.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from sidecar.core.model import JSON
from sidecar.core.policy.condition import Condition, ConditionError, compile_condition
from sidecar.core.policy.context import Needs, build_context, union_of_needs
from sidecar.core.policy.data import Data
from sidecar.core.policy.engine import cel
from sidecar.core.policy.lint.finding import Check, Finding, warning
from sidecar.core.policy.lint.operands import is_plain, operands, paths, read_operand
from sidecar.core.policy.lint.samples import samples
from sidecar.core.policy.reading import Reading
from sidecar.core.policy.tokens import Kind
from sidecar.core.policy.values import Effect, Inputs, ParsedRule, PolicySet

_MAX_FINDINGS: Final = 100
_MAX_LITERALS: Final = 8


def erring_conditions(policies: PolicySet, data: Data) -> Iterator[Finding]:
    """At most 100, so that the work stays bounded: only what always errs is tried on all samples."""
    told = (finding for parsed in policies.rules for finding in _of_rule(parsed, data))
    yield from islice(told, _MAX_FINDINGS)


def _of_rule(parsed: ParsedRule, data: Data) -> Iterator[Finding]:
    for offset, source in operands(parsed.rule.when or ""):
        error = _always(source, data)
        if error is not None:
            message = f"this part errs whatever a request holds: {error}"
            yield warning(
                Check.CONDITION_ALWAYS_ERRS, parsed.inside("when", offset), message, _hint(parsed.rule.effect)
            )


def _hint(effect: Effect) -> str:
    if effect is Effect.ALLOW:
        return "it cannot help the rule to allow anything"
    return f"in a rule that would {effect.value} an error counts as matched"


def _always(source: str, data: Data) -> ConditionError | None:
    """The first error, if there is one on every sample."""
    reading = read_operand(source)
    tried = samples(paths(reading), _literals(reading)) if is_plain(reading) else None
    if tried is None:
        return None
    condition = compile_condition(source, data.names)
    needs = union_of_needs(condition)
    first: ConditionError | None = None
    for inputs in tried:
        error = _error(condition, needs, inputs, data)
        if error is None:
            return None
        first = first or error
    return first


def _error(condition: Condition, needs: Needs, inputs: Inputs, data: Data) -> ConditionError | None:
    try:
        condition.holds(build_context(inputs, inputs.request, needs, data))
    except ConditionError as error:
        return error
    return None


def _literals(reading: Reading) -> list[JSON]:
    found = [token.text for token in reading.stream if token.kind in {Kind.STRING, Kind.NUMBER}]
    values = [cel.evaluate(text) for text in dict.fromkeys(found)]
    return [value for value in values if isinstance(value, str | int | float)][:_MAX_LITERALS]
