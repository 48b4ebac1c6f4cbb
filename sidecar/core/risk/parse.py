"""The risk table read from its document: shape first, then what its parts say of each other."""

from collections.abc import Iterator, Mapping

import msgspec

from sidecar.core.document import Document, DocumentError, read
from sidecar.core.errors import Diagnostic
from sidecar.core.risk.cvss import parse_vector
from sidecar.core.risk.table import FactRow, RiskTable, VerbRow
from sidecar.core.shape import suggest

UNKNOWN = "unknown"


def parse_risk(document: Document) -> RiskTable:
    """The table of `data/risk.yaml`. Raises DocumentError with the place of every finding."""
    table = read(document, RiskTable)
    found = [
        *_verbs(document, table),
        *_aliases(document, table),
        *_facts(document, table),
        *_bands(document, table),
    ]
    if found:
        raise DocumentError(*sorted(found, key=lambda d: (d.place.line, d.place.column)))
    return msgspec.structs.replace(table, verbs=_by_name(table.verbs), facts=_by_weight(table.facts))


def _by_name(verbs: Mapping[str, VerbRow]) -> dict[str, VerbRow]:
    """The members of a map have no order, in YAML as in a signed bundle: where verbs tie, their names decide."""
    return dict(sorted(verbs.items()))


def _by_weight(facts: Mapping[str, FactRow]) -> dict[str, FactRow]:
    """For the same reason; what adds most is named first."""
    return dict(sorted(facts.items(), key=lambda item: (-item[1].add, item[0])))


def _verbs(document: Document, table: RiskTable) -> Iterator[Diagnostic]:
    if UNKNOWN not in table.verbs:
        hint = "it stands for every action that no other verb names"
        yield Diagnostic(document.place("verbs"), f"missing verb `{UNKNOWN}`", hint)
    for name, verb in table.verbs.items():
        try:
            parse_vector(verb.cvss)
        except ValueError as error:
            hint = "for example AV:L/AC:L/PR:L/UI:N/S:U/C:L/I:N/A:N"
            yield Diagnostic(document.place("verbs", name, "cvss"), f"not a CVSS v3.1 vector: {error}", hint)
        for index, fact in enumerate(verb.implies):
            if fact not in table.facts:
                place = document.place("verbs", name, "implies", index)
                yield Diagnostic(place, f"unknown fact `{fact}`", suggest(fact, list(table.facts)))


def _aliases(document: Document, table: RiskTable) -> Iterator[Diagnostic]:
    owners = {name.lower(): name for name in table.verbs}
    for name, verb in table.verbs.items():
        for index, alias in enumerate(verb.aliases):
            owner = owners.setdefault(alias.lower(), name)
            if owner != name:
                place = document.place("verbs", name, "aliases", index)
                yield Diagnostic(place, f"`{alias}` already names the verb `{owner}`", "keep one of them")


def _facts(document: Document, table: RiskTable) -> Iterator[Diagnostic]:
    for name, fact in table.facts.items():
        for index, becomes in enumerate(fact.becomes):
            for verb in sorted({becomes.verb, *becomes.verbs} - table.verbs.keys()):
                key = "verb" if verb == becomes.verb else "verbs"
                place = document.place("facts", name, "becomes", index, key)
                yield Diagnostic(place, f"unknown verb `{verb}`", suggest(verb, list(table.verbs)))
        if fact.group and fact.group not in table.groups:
            hint = suggest(fact.group, list(table.groups))
            yield Diagnostic(document.place("facts", name, "group"), f"unknown group `{fact.group}`", hint)
        if not _is_recognised(fact):
            hint = (
                "say how: paths, flags, labels, counts, hosts, resource_words, commands, statements or excess"
            )
            yield Diagnostic(document.key_place("facts", name), f"nothing recognises the fact `{name}`", hint)


def _is_recognised(fact: FactRow) -> bool:
    signs = (fact.paths, fact.flags, fact.labels, fact.counts, fact.hosts, fact.resource_words)
    return any((*signs, fact.commands, fact.statements, fact.excess))


def _bands(document: Document, table: RiskTable) -> Iterator[Diagnostic]:
    bands = table.bands
    if not bands.medium < bands.high < bands.critical:
        yield Diagnostic(document.place("bands"), "the bands must rise from medium over high to critical")
