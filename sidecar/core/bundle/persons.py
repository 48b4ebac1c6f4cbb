"""Persons: `data/people.yaml` read, and nobody in it able to vote for two."""

from collections.abc import Iterator, Mapping

from sidecar.core.document import Document, DocumentError, read
from sidecar.core.errors import Diagnostic
from sidecar.core.people import People, Person, PersonName
from sidecar.core.trust import parse_public_key


def read_people(document: Document) -> People:
    """The people of this document. Raises DocumentError with every finding."""
    persons = read(document, dict[PersonName, Person])
    findings = [*_shared_uids(document, persons), *_shared_keys(document, persons)]
    if findings:
        raise DocumentError(*findings)
    return People(persons)


def _shared_uids(document: Document, persons: Mapping[str, Person]) -> Iterator[Diagnostic]:
    """Two persons behind one uid would make one of them vote for both."""
    first: dict[int, str] = {}
    for name, person in persons.items():
        for index, uid in enumerate(person.uids):
            if first.setdefault(uid, name) != name:
                place = document.place(name, "uids", index)
                yield Diagnostic(place, f"uid {uid} is that of {first[uid]} already")


def _shared_keys(document: Document, persons: Mapping[str, Person]) -> Iterator[Diagnostic]:
    """So would one key, however it is written."""
    first: dict[str, str] = {}
    for name, person in persons.items():
        if person.key is not None:
            holder = first.setdefault(parse_public_key(person.key).id, name)
            if holder != name:
                yield Diagnostic(document.place(name, "key"), f"this key is that of {holder} already")
