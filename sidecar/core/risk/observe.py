"""Observation: the facts of one request, found where the risk table says that they stand.

Looked at: the resource's id, and the properties of action and resource and the context, at any depth. Not
looked at: anything that the caller says of the score itself.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from sidecar.core.model import Request
from sidecar.core.risk.languages import command, statement
from sidecar.core.risk.places import Places
from sidecar.core.risk.probes import (
    Probe,
    Scanner,
    count,
    flag,
    hosts,
    labels,
    paths,
)
from sidecar.core.risk.signs import Found, by_text
from sidecar.core.risk.table import Language, RiskTable

Wanted = Iterable[tuple[str, Probe]]
_PATH_STARTS: Final = frozenset({"~", "."})


class Observer:
    """The probes of one risk table, by the property that they look at."""

    def __init__(self, table: RiskTable) -> None:
        self._table = table
        self._facts = tuple(enumerate(table.facts.values()))
        excess = [(number, "") for number, fact in self._facts if fact.excess]
        hosted = [(number, host.lower()) for number, fact in self._facts for host in fact.hosts]
        self._path = paths(Places(table.facts.values()), excess)
        self._host = hosts(hosted, self._path)
        self._words = [(number, word.lower()) for number, fact in self._facts for word in fact.resource_words]
        self._scanners = {language: Scanner(self._probes(language), excess) for language in (None, *Language)}

    def facts(self, request: Request, language: Language | None) -> Mapping[int, str]:
        """The facts of this request by number, with what was recognised; arguments are in `language`."""
        found: Found = {}
        resource = request.resource
        self._resource(resource.type, resource.id, found)
        scanner = self._scanners[language]
        for properties in (request.action.properties, resource.properties, request.context):
            if properties:
                scanner.scan(properties, found)
        return found

    def _resource(self, kind: str, name: str, found: Found) -> None:
        if kind in self._table.urls.resource_types or "://" in name:
            self._host(name, found)
        elif kind in self._table.paths.resource_types or _is_like_path(name):
            self._path(name, found)
        else:
            low = name.lower()
            for number, word in self._words:
                if word in low:
                    found.setdefault(number, word)

    def _probes(self, language: Language | None) -> Mapping[str, tuple[Probe, ...]]:
        probes: dict[str, tuple[Probe, ...]] = {}
        for key, probe in (*self._declared(), *self._places_in_properties(), *self._arguments(language)):
            probes[key] = (*probes.get(key, ()), probe)
        return probes

    def _declared(self) -> Wanted:
        for number, fact in self._facts:
            yield from ((key, flag(number)) for key in fact.flags)
            for sign in fact.counts:
                yield from ((key, count(number, sign.at_least)) for key in sign.properties)
        known = by_text((number, label) for number, fact in self._facts for label in fact.labels)
        yield from ((key, labels(known)) for key in sorted(self._table.labels))

    def _places_in_properties(self) -> Wanted:
        yield from ((key, self._path) for key in sorted(self._table.paths.properties))
        yield from ((key, self._host) for key in sorted(self._table.urls.properties))

    def _arguments(self, language: Language | None) -> Wanted:
        if language is Language.COMMAND:
            signs = [(sign, number) for number, fact in self._facts for sign in fact.commands]
            probe = command(signs, self._path, self._host)
            yield from ((key, probe) for key in sorted(self._table.commands))
        elif language is Language.STATEMENT:
            words = by_text((number, word) for number, fact in self._facts for word in fact.statements)
            yield from ((key, statement(words)) for key in sorted(self._table.statements))


def _is_like_path(name: str) -> bool:
    return "/" in name or "\\" in name or name[:1] in _PATH_STARTS
