"""Lint: what loads, but was surely not meant. A walk of its own, for authors; loading does not pass here."""

from collections.abc import Collection, Iterator

from sidecar.core.people import People
from sidecar.core.policy.data import Data
from sidecar.core.policy.lint.erring import erring_conditions
from sidecar.core.policy.lint.finding import Check, Finding, Severity
from sidecar.core.policy.lint.nobody import nobody_to_approve
from sidecar.core.policy.lint.reasons import missing_reasons
from sidecar.core.policy.lint.shadow import duplicate_rules, shadowed_rules
from sidecar.core.policy.lint.unused import unused_data
from sidecar.core.policy.table import PolicyTable
from sidecar.core.policy.values import PolicySet

__all__ = ["Check", "Finding", "Severity", "lint"]


def lint(
    policies: PolicySet,
    table: PolicyTable,
    data: Data,
    documents: Collection[str],
    people: People | None = None,
) -> tuple[Finding, ...]:
    """Every finding, by place. `table` is that of these policies; `documents` are the author's own data documents.

    `people` are those of the bundle, None where it names none: they may be named where it is deployed.
    """
    found = [*_findings(policies, table, data, documents)]
    if people is not None:
        found += nobody_to_approve(policies, people)
    return tuple(sorted(found, key=_where))


def _findings(
    policies: PolicySet, table: PolicyTable, data: Data, documents: Collection[str]
) -> Iterator[Finding]:
    yield from shadowed_rules(policies, table)
    yield from duplicate_rules(policies)
    yield from missing_reasons(policies)
    yield from unused_data(policies, documents)
    yield from erring_conditions(policies, data)


def _where(finding: Finding) -> tuple[str, int, int, str]:
    place = finding.diagnostic.place
    return place.path, place.line, place.column, finding.check
