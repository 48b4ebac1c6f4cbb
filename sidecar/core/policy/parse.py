"""From documents to a `PolicySet`: shape first, then what the shape cannot say. Findings are collected."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from sidecar.core.document import Document, DocumentError, read
from sidecar.core.errors import Diagnostic, MalformedBundle
from sidecar.core.model import Obligation, Stage
from sidecar.core.policy.globs import compile_glob
from sidecar.core.policy.values import (
    DEFAULT_VALID_FOR,
    DEFAULT_VOLATILE,
    Defaults,
    Effect,
    ParsedRule,
    PolicySet,
    Rule,
    TypedGlob,
)
from sidecar.core.policy.written import WrittenDefaults, WrittenPolicy, WrittenRule, seconds

T = TypeVar("T")


def parse_policies(documents: Iterable[Document]) -> PolicySet:
    """The rules and defaults of a bundle's policy documents. Raises MalformedBundle with every finding."""
    return _Parser().parse(tuple(documents))


class _Parser:
    """Collects the findings of one bundle."""

    def __init__(self) -> None:
        self.findings: list[Diagnostic] = []

    def parse(self, documents: Sequence[Document]) -> PolicySet:
        written = [(document, self._read(document, WrittenPolicy)) for document in documents]
        declaring = [
            (document, policy.defaults) for document, policy in written if policy and policy.defaults
        ]
        self._only_once([document for document, _ in declaring])
        defaults = _defaults(declaring[0][1] if declaring else None)
        rules = [
            ParsedRule(self._rule(document, index, rule, defaults), document, index)
            for document in documents
            for index in range(_count_of_rules(document))
            if (rule := self._read(document, WrittenRule, "rules", index))
        ]
        self._unique(rules)
        self._somebody_to_ask(rules, [document for document, _ in declaring], defaults)
        if self.findings:
            raise MalformedBundle(*sorted(self.findings, key=_where))
        return PolicySet(tuple(rules), defaults, declaring[0][0] if declaring else None)

    def _read(self, document: Document, type_: type[T], *keys: str | int) -> T | None:
        """None for what cannot be read. Rules come here one by one: reading thousands in one call stops the loop."""
        try:
            return read(document, type_, *keys)
        except DocumentError as error:
            self.findings += error.diagnostics
            return None

    def _only_once(self, declaring: Sequence[Document]) -> None:
        for document in declaring[1:]:
            message = f"a bundle has one `defaults`; another is at {declaring[0].key_place('defaults')}"
            self.findings.append(Diagnostic(document.key_place("defaults"), message))

    def _rule(self, document: Document, index: int, written: WrittenRule, defaults: Defaults) -> Rule:
        self.findings += _misplaced(document, index, written)
        here = ("rules", index, "match")
        match = written.match
        return Rule(
            id=written.id,
            effect=written.effect,
            place=document.place("rules", index),
            subjects=self._patterns(document, (*here, "subjects"), match.subjects, typed_glob),
            actions=self._patterns(document, (*here, "actions"), match.actions, compile_glob),
            resources=self._patterns(document, (*here, "resources"), match.resources, typed_glob),
            when=written.when,
            reason=written.reason,
            thresholds=written.thresholds.value() if written.thresholds else None,
            valid_for=seconds(written.valid_for) if written.valid_for else DEFAULT_VALID_FOR,
            stages=_stages(written, defaults),
            obligations=tuple(Obligation(o.id, o.type, o.properties) for o in written.obligations),
            score=written.score,
            on_platform_unavailable=written.on_platform_unavailable,
            cache=seconds(written.cache) if written.cache else 0.0,
            allow_when_blind=bool(written.allow_when_blind),
        )

    def _patterns(
        self,
        document: Document,
        keys: tuple[str | int, ...],
        patterns: Sequence[str] | None,
        compile_: Callable[[str], T],
    ) -> tuple[T, ...] | None:
        compiled = []
        for number, pattern in enumerate(patterns or ()):
            try:
                compiled.append(compile_(pattern))
            except ValueError as error:
                self.findings.append(Diagnostic(document.place(*keys, number), str(error)))
        return None if patterns is None else tuple(compiled)

    def _unique(self, rules: Sequence[ParsedRule]) -> None:
        first: dict[str, ParsedRule] = {}
        for parsed in rules:
            other = first.setdefault(parsed.rule.id, parsed)
            if other is not parsed:
                message = f"rule id `{parsed.rule.id}` is taken by the rule at {other.place('id')}"
                self.findings.append(Diagnostic(parsed.place("id"), message, "ids are unique in a bundle"))

    def _somebody_to_ask(
        self, rules: Sequence[ParsedRule], declaring: Sequence[Document], defaults: Defaults
    ) -> None:
        if defaults.stages:
            return
        hint = "add `defaults.approval` with at least one stage"
        for parsed in rules:
            rule = parsed.rule
            if rule.effect is Effect.APPROVE and not rule.stages:
                message = f"rule `{rule.id}` needs approval, but nobody is named to approve"
                self.findings.append(
                    Diagnostic(parsed.place("effect"), message, f"add `approval`, or {hint}")
                )
            if rule.thresholds and rule.thresholds.approve is not None:
                place = parsed.place("thresholds", "approve")
                self.findings.append(Diagnostic(place, "this limit has nobody to ask for approval", hint))
        if defaults.thresholds and defaults.thresholds.approve is not None:
            place = declaring[0].place("defaults", "thresholds", "approve")
            self.findings.append(Diagnostic(place, "this limit has nobody to ask for approval", hint))


def typed_glob(pattern: str) -> TypedGlob:
    """The pattern `type:id`. Raises ValueError with what would be right."""
    kind, colon, identity = pattern.partition(":")
    if not colon:
        raise ValueError(f"`{pattern}` has no colon; write `type:id`, for any id `{pattern}:*`")
    return TypedGlob(compile_glob(kind), compile_glob(identity))


def _count_of_rules(document: Document) -> int:
    rules = document.value.get("rules") if isinstance(document.value, dict) else None
    return len(rules) if isinstance(rules, list) else 0


def _where(finding: Diagnostic) -> tuple[str, int, int]:
    return finding.place.path, finding.place.line, finding.place.column


def _defaults(written: WrittenDefaults | None) -> Defaults:
    if written is None:
        return Defaults()
    return Defaults(
        thresholds=written.thresholds.value() if written.thresholds else None,
        stages=written.approval.value() if written.approval else (),
        score=written.score,
        on_platform_unavailable=written.on_platform_unavailable,
        volatile=DEFAULT_VOLATILE if written.volatile is None else written.volatile,
        max_depth=written.max_depth,
    )


def _stages(written: WrittenRule, defaults: Defaults) -> tuple[Stage, ...]:
    if written.effect is not Effect.APPROVE:
        return ()
    return written.approval.value() if written.approval else defaults.stages


def _misplaced(document: Document, index: int, rule: WrittenRule) -> Iterator[Diagnostic]:
    """Keys that would do nothing beside this effect."""
    present = {
        "approval": (rule.approval, {Effect.APPROVE}),
        "thresholds": (rule.thresholds, {Effect.ALLOW}),
        "allow_when_blind": (rule.allow_when_blind, {Effect.ALLOW, Effect.APPROVE}),
        "valid_for": (rule.valid_for, {Effect.ALLOW, Effect.APPROVE}),
    }
    for key, (value, effects) in present.items():
        if value is not None and rule.effect not in effects:
            words = " or ".join(sorted(effect.value for effect in effects))
            message = f"`{key}` does nothing in a rule whose effect is {rule.effect.value}"
            yield Diagnostic(document.key_place("rules", index, key), message, f"it goes with {words}")
