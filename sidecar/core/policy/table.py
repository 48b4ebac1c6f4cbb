"""PolicyTable: the compiled policies of a bundle, which evaluate and explain requests. Pure and immutable."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Final

from sidecar.core.errors import Diagnostic, MalformedBundle
from sidecar.core.masks import Path
from sidecar.core.model import Request
from sidecar.core.policy.combine import combine
from sidecar.core.policy.compiled import CompiledRule, any_name, any_typed, names_of
from sidecar.core.policy.condition import (
    Condition,
    ConditionError,
    ConditionRefusedError,
    compile_condition,
)
from sidecar.core.policy.context import build_context, union_of_needs
from sidecar.core.policy.data import Data
from sidecar.core.policy.explain import explain
from sidecar.core.policy.index import build_index, candidates
from sidecar.core.policy.masked import Unseen, unseen
from sidecar.core.policy.paths import PathRules
from sidecar.core.policy.values import (
    Defaults,
    Effect,
    Inputs,
    ParsedRule,
    PolicyResult,
    PolicySet,
    Rule,
    RuleFinding,
    Score,
)

_order: Final = attrgetter("order")


class PolicyTable:
    """The rules of a bundle, indexed. Its evaluation costs what the rules cost that can match.

    `actions` are the action names that rules spell out, sorted; patterns with wildcards name none. `asks_platform`:
    whether there is a request that the platform would have to score.
    """

    __slots__ = ("_data", "_needs", "_paths", "_root", "_rules", "actions", "asks_platform", "defaults")

    def __init__(
        self, rules: Sequence[CompiledRule], defaults: Defaults, data: Data, paths: PathRules
    ) -> None:
        self.defaults = defaults
        self.actions = tuple(sorted({name for compiled in rules for name in _action_names(compiled.rule)}))
        self._rules = tuple(rules)
        self.asks_platform = defaults.score is Score.PLATFORM or any(
            compiled.rule.score is Score.PLATFORM for compiled in rules
        )
        self._root = build_index(self._rules)
        self._data = data
        self._paths = paths
        # The same few sets of conditions come together again and again; remembering changes no answer.
        self._needs = lru_cache(maxsize=1024)(union_of_needs)

    def parts(self) -> list[object]:
        """What takes the room, in pieces, for whoever lets go of the table bit by bit."""
        return list(self._rules)

    @property
    def rules(self) -> tuple[CompiledRule, ...]:
        """All rules, in the order they are written in."""
        return self._rules

    @property
    def rule_ids(self) -> tuple[str, ...]:
        """The ids of all rules, in the order they are written in."""
        return tuple(compiled.rule.id for compiled in self._rules)

    def evaluate(self, inputs: Inputs) -> PolicyResult:
        """What the policies say. A deny matches with paths as written or normal, all others need both."""
        matched, errors = self._matching(inputs, inputs.request)
        twin = self._paths.twin(inputs.request)
        if twin is not inputs.request:
            others, more = self._matching(inputs, twin)
            matched = _with_both(matched, others)
            errors = tuple(dict.fromkeys(errors + more))
        if len(matched) == 1 and not errors and not inputs.granted:
            return matched[0].alone
        return combine([compiled.rule for compiled in matched], errors, inputs.granted, self.defaults)

    def explain(self, inputs: Inputs) -> tuple[RuleFinding, ...]:
        """Every rule, whether it matched, and why; in the order they are written in."""
        return explain(self._rules, inputs, self._paths.twin(inputs.request), self._data)

    def unseen(self, request: Request, masked: Sequence[Path]) -> tuple[Unseen, ...]:
        """The rules that could look at one of the `masked` paths of a recorded request."""
        twin = self._paths.twin(request)
        return unseen(self._rules, self._root, (request,) if twin is request else (request, twin), masked)

    def _matching(self, inputs: Inputs, request: Request) -> tuple[Sequence[CompiledRule], tuple[str, ...]]:
        names = names_of(request)
        fitting = [rule for rule in candidates(self._root, names) if rule.fits(names)]
        if len(fitting) > 1:
            fitting = sorted(set(fitting), key=_order)
        conditions = [rule.condition for rule in fitting if rule.condition is not None]
        if not conditions:
            return fitting, ()
        return self._holding(inputs, request, fitting, conditions)

    def _holding(
        self, inputs: Inputs, request: Request, fitting: Sequence[CompiledRule], conditions: list[Condition]
    ) -> tuple[Sequence[CompiledRule], tuple[str, ...]]:
        """Those whose condition holds. One that errs counts as matched unless its rule would allow."""
        try:
            context = build_context(inputs, request, self._needs(*conditions), self._data)
        except ConditionError as error:
            return _erring(fitting, error)
        matched, errors = [], []
        for compiled in fitting:
            try:
                holds = compiled.condition is None or compiled.condition.holds(context)
            except ConditionError as error:
                errors.append(f"{compiled.rule.id}: {error}")
                holds = compiled.rule.effect is not Effect.ALLOW
            if holds:
                matched.append(compiled)
        return matched, tuple(errors)


def compile_policies(policies: PolicySet, data: Data, paths: PathRules) -> PolicyTable:
    """The table of these policies. Raises MalformedBundle with every finding about a condition."""
    compiled, findings = [], []
    for order, parsed in enumerate(policies.rules):
        try:
            compiled.append(_compile(order, parsed, data, policies.defaults))
        except ConditionRefusedError as refusal:
            findings += [
                Diagnostic(parsed.inside("when", problem.offset), problem.message, problem.hint)
                for problem in refusal.problems
            ]
    if findings:
        raise MalformedBundle(*findings)
    return PolicyTable(compiled, policies.defaults, data, paths)


def _compile(order: int, parsed: ParsedRule, data: Data, defaults: Defaults) -> CompiledRule:
    rule = parsed.rule
    return CompiledRule(
        order=order,
        rule=rule,
        condition=None if rule.when is None else compile_condition(rule.when, data.names),
        alone=combine([rule], defaults=defaults),
        fits_action=any_name(rule.actions),
        fits_resource=any_typed(rule.resources),
        fits_subject=any_typed(rule.subjects),
    )


def _action_names(rule: Rule) -> Iterator[str]:
    return (glob.prefix for glob in rule.actions or () if glob.is_literal)


def _erring(
    fitting: Sequence[CompiledRule], error: ConditionError
) -> tuple[Sequence[CompiledRule], tuple[str, ...]]:
    matched = [c for c in fitting if c.condition is None or c.rule.effect is not Effect.ALLOW]
    return matched, tuple(f"{c.rule.id}: {error}" for c in fitting if c.condition is not None)


def _with_both(written: Sequence[CompiledRule], normal: Sequence[CompiledRule]) -> Sequence[CompiledRule]:
    both = set(written) & set(normal)
    either = {c for c in (*written, *normal) if c in both or c.rule.effect is Effect.DENY}
    return sorted(either, key=_order)
