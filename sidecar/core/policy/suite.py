"""Table tests: requests with the decision that they must get, run through the whole judgement."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from sidecar.core.document import Document
from sidecar.core.errors import Place
from sidecar.core.model import Caller, Decision, Request
from sidecar.core.policy.cases import Bounds, Case, Expect, parse_cases
from sidecar.core.shape import suggest

Judge = Callable[[Request, Caller, float], Decision]


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How one case went: it passed if there are no `differences` between what was expected and decided."""

    name: str
    place: Place
    decision: Decision
    differences: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.differences


@dataclass(frozen=True, slots=True)
class SuiteReport:
    """All cases, and which rules decided in one of them at least."""

    results: tuple[CaseResult, ...]
    covered: tuple[str, ...]
    uncovered: tuple[str, ...]

    @property
    def passed(self) -> tuple[CaseResult, ...]:
        return tuple(result for result in self.results if result.passed)

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        return tuple(result for result in self.results if not result.passed)


def run_suite(documents: Iterable[Document], judge: Judge, rule_ids: Collection[str]) -> SuiteReport:
    """Runs every case of `kind: PolicyTest` documents. Raises MalformedBundle with every finding."""
    results = tuple(_run(place, case, judge, rule_ids) for place, case in parse_cases(documents))
    decided = {rule for result in results for rule in result.decision.rules}
    return SuiteReport(
        results,
        covered=tuple(rule for rule in rule_ids if rule in decided),
        uncovered=tuple(rule for rule in rule_ids if rule not in decided),
    )


def _run(place: Place, case: Case, judge: Judge, rule_ids: Collection[str]) -> CaseResult:
    given = case.given
    decision = judge(given.request(), given.asker(), given.time())
    return CaseResult(case.name, place, decision, tuple(_differences(case.expect, decision, rule_ids)))


def _differences(expect: Expect, decision: Decision, rule_ids: Collection[str]) -> Iterator[str]:
    if decision.verdict.word != expect.verdict:
        yield f"verdict: expected {expect.verdict}, got {decision.verdict.word} ({decision.reason})"
    if expect.code is not None and decision.code is not expect.code:
        yield f"code: expected {expect.code}, got {decision.code}"
    if expect.rules is not None:
        yield from _rule_differences(expect.rules, decision, rule_ids)
    if expect.risk is not None:
        yield from _risk_differences(expect.risk, decision)


def _rule_differences(
    expected: Collection[str], decision: Decision, rule_ids: Collection[str]
) -> Iterator[str]:
    for rule in expected:
        if rule not in rule_ids:
            yield f"rules: there is no rule `{rule}`; {suggest(rule, list(rule_ids))}"
    if set(expected) != set(decision.rules):
        yield f"rules: expected {_listed(expected)}, got {_listed(decision.rules)}"


def _risk_differences(bounds: Bounds, decision: Decision) -> Iterator[str]:
    score = decision.risk.score if decision.risk else None
    if score is None or not bounds.min <= score <= bounds.max:
        yield f"risk: expected {bounds.min} to {bounds.max}, got {'none' if score is None else score}"


def _listed(rules: Collection[str]) -> str:
    return ", ".join(rules) or "none"
