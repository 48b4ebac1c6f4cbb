"""Unused data: documents that no condition names and that the daemon does not read itself."""

from collections.abc import Collection, Iterator
from typing import Final

from sidecar.core.errors import Place
from sidecar.core.policy.lint.finding import Check, Finding, warning
from sidecar.core.policy.lint.operands import document_of, read_operand
from sidecar.core.policy.values import PolicySet
from sidecar.core.policy.vocabulary import LOOKUPS

READ_BY_THE_DAEMON: Final = frozenset({"agents", "masking", "people", "risk"})


def unused_data(policies: PolicySet, documents: Collection[str]) -> Iterator[Finding]:
    """Nothing is said where a condition works out the name of a document: it may be any."""
    named: set[str] = set()
    for when in {parsed.rule.when for parsed in policies.rules if parsed.rule.when is not None}:
        found = _named(when)
        if found is None:
            return
        named |= found
    for name in sorted(set(documents) - named - READ_BY_THE_DAEMON):
        hint = f'use it as in lookup("{name}", subject.id), or delete it'
        yield warning(
            Check.UNUSED_DATA, Place(f"data/{name}.yaml", 1, 1), f"no condition reads `{name}`", hint
        )


def _named(when: str) -> set[str] | None:
    """The documents that a condition looks into; None where one of them is not spelled out."""
    reading = read_operand(when)
    named = {document_of(reading, call) for call in reading.calls if call.name.text in LOOKUPS}
    return None if None in named else {name for name in named if name is not None}
