"""Changes of data documents, by the path of what differs. Which way they go is up to what reads them."""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import UNSET, UnsetType

from sidecar.core.diff.change import Change, Detail, Direction, Kind, What, details
from sidecar.core.model import JSON

# What it says is how records are written; no decision depends on it.
_MASKING: Final = "masking"
_Documents = Mapping[str, Mapping[str, JSON]]


def data_changes(old: _Documents, new: _Documents) -> Iterator[Change]:
    """One change for each document that is not the same in both. Mappings are looked into."""
    for name in sorted({*old, *new}):
        found = tuple(_entries((), old.get(name, {}), new.get(name, {})))
        kind = Kind.ADDED if name not in old else Kind.REMOVED if name not in new else Kind.CHANGED
        if found or kind is not Kind.CHANGED:
            direction = Direction.NEITHER if name == _MASKING else Direction.EITHER
            yield Change(What.DATA, kind, name, direction, found)


def _entries(path: tuple[str, ...], old: Mapping[str, JSON], new: Mapping[str, JSON]) -> Iterator[Detail]:
    for key in {**old, **new}:
        yield from _values((*path, key), old.get(key, UNSET), new.get(key, UNSET))


def _values(path: tuple[str, ...], old: JSON | UnsetType, new: JSON | UnsetType) -> Iterator[Detail]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _entries(path, old, new)
    else:
        yield from details({".".join(path): old}, {".".join(path): new})
