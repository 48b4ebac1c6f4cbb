"""Shadow: rules that change nothing, because another one decides all that they match.

A rule without a condition matches whatever its patterns do. Where they cover those of another rule, a deny leaves
that one without effect; an approve leaves an allow nothing to allow. Only single rules are looked at, not several
that cover a rule together.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import msgspec

from sidecar.core.policy.compiled import CompiledRule, Names
from sidecar.core.policy.cover import covers_match
from sidecar.core.policy.globs import Glob, some_text
from sidecar.core.policy.index import build_index, candidates
from sidecar.core.policy.lint.finding import Check, Finding, warning
from sidecar.core.policy.table import PolicyTable
from sidecar.core.policy.tokens import words
from sidecar.core.policy.values import DEFAULT_VALID_FOR, Effect, ParsedRule, PolicySet, Rule, TypedGlob

Cover = Callable[[Rule], Rule | None]
_ANYTHING: Final = ""


def shadowed_rules(policies: PolicySet, table: PolicyTable) -> Iterator[Finding]:
    """Allow and approve rules under a deny, and allow rules under an approve."""
    denied, held = _covering(table.rules, Effect.DENY), _covering(table.rules, Effect.APPROVE)
    for parsed in policies.rules:
        rule = parsed.rule
        if rule.effect is Effect.DENY:
            continue
        if other := denied(rule):
            message = f"rule `{rule.id}` never takes effect: `{other.id}` denies all that it matches"
            hint = f"see {other.place}; any deny wins"
            yield warning(Check.UNREACHABLE_RULE, parsed.place(), message, hint)
        elif _only_allows(rule) and (other := held(rule)):
            message = f"rule `{rule.id}` never allows: all that it matches needs approval by `{other.id}`"
            hint = f"see {other.place}; an approval wins over an allow"
            yield warning(Check.NEVER_ALLOWS, parsed.place(), message, hint)


def duplicate_rules(policies: PolicySet) -> Iterator[Finding]:
    """Rules that are the same as an earlier one in all but id and reason."""
    first: dict[object, ParsedRule] = {}
    for parsed in policies.rules:
        other = first.setdefault(_content(parsed.rule), parsed)
        if other is not parsed:
            message = f"rule `{parsed.rule.id}` says the same as `{other.rule.id}`"
            yield warning(
                Check.DUPLICATE_RULE, parsed.place(), message, f"see {other.rule.place}; keep one of them"
            )


def _covering(rules: Iterable[CompiledRule], effect: Effect) -> Cover:
    """Finds the first rule of this effect, without a condition, that matches all that a given one does.

    Whatever covers a rule matches any one request that the rule matches, so the index finds it.
    """
    root = build_index([c for c in rules if c.rule.effect is effect and c.condition is None])

    def cover(narrow: Rule) -> Rule | None:
        near = sorted(set(candidates(root, _some_names(narrow))), key=lambda compiled: compiled.order)
        return next((wide.rule for wide in near if covers_match(wide.rule, narrow)), None)

    return cover


def _only_allows(rule: Rule) -> bool:
    """Limits and life time of an allow rule count beside a hold, obligations once people granted it: a use."""
    says_more = rule.thresholds or rule.obligations or rule.valid_for != DEFAULT_VALID_FOR
    return rule.effect is Effect.ALLOW and not says_more


def _some_names(rule: Rule) -> Names:
    """The names of one request that the rule's patterns match."""
    action = some_text(rule.actions[0]) if rule.actions else _ANYTHING
    resource, subject = _some_ids(rule.resources), _some_ids(rule.subjects)
    return Names(action, ":".join(resource), ":".join(subject), *resource, *subject)


def _some_ids(patterns: Sequence[TypedGlob] | None) -> tuple[str, str]:
    return (some_text(patterns[0].type), some_text(patterns[0].id)) if patterns else (_ANYTHING, _ANYTHING)


def _content(rule: Rule) -> object:
    rest = (rule.stages, rule.obligations, rule.thresholds, rule.score, rule.on_platform_unavailable)
    return (
        rule.effect,
        _set(rule.subjects),
        _set(rule.actions),
        _set(rule.resources),
        None if rule.when is None else words(rule.when),
        rule.valid_for,
        rule.allow_when_blind,
        msgspec.json.encode(rest, order="deterministic"),
    )


def _set(patterns: Sequence[Glob | TypedGlob] | None) -> frozenset[str] | None:
    return None if patterns is None else frozenset(pattern.text for pattern in patterns)
