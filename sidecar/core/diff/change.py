"""Change: one difference between two bundles, and which way decisions can go because of it."""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

import msgspec
from msgspec import UNSET, UnsetType

from sidecar.core.model import JSON


class Direction(StrEnum):
    """What can become of decisions: all that change become looser, or all stricter, or some this and some that.

    In the order in which they want to be read. NEITHER is a change that no decision depends on.
    """

    LOOSENS = "loosens"
    EITHER = "either"
    TIGHTENS = "tightens"
    NEITHER = "neither"


class What(StrEnum):
    """What changed."""

    RULE = "rule"
    DEFAULTS = "defaults"
    DATA = "data"


class Kind(StrEnum):
    """How it changed."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Detail(msgspec.Struct, frozen=True, omit_defaults=True):
    """A field, or a path in a document: from `old` to `new`, or, of a list, what came and went."""

    field: str
    old: JSON | UnsetType = UNSET
    new: JSON | UnsetType = UNSET
    added: tuple[JSON, ...] = ()
    removed: tuple[JSON, ...] = ()


class Change(msgspec.Struct, frozen=True):
    """One change. `place` is where a rule stands, in the old bundle if it was removed, else in the new one."""

    what: What
    kind: Kind
    name: str
    direction: Direction
    details: tuple[Detail, ...] = ()
    place: str = ""


def together(directions: Iterable[Direction]) -> Direction:
    """The direction of several changes at once."""
    ways = set(directions) - {Direction.NEITHER}
    return ways.pop() if len(ways) == 1 else Direction.EITHER if ways else Direction.NEITHER


def reverse(direction: Direction) -> Direction:
    """The direction of the change undone."""
    opposite = {Direction.LOOSENS: Direction.TIGHTENS, Direction.TIGHTENS: Direction.LOOSENS}
    return opposite.get(direction, direction)


def details(old: Mapping[str, JSON], new: Mapping[str, JSON]) -> Iterator[Detail]:
    """A detail for each field of either that differs."""
    for field in {**old, **new}:
        before, after = old.get(field, UNSET), new.get(field, UNSET)
        if exactly(before) != exactly(after):
            yield _list_detail(field, before, after) or Detail(field, before, after)


def exactly(value: JSON | UnsetType) -> bytes:
    """The same for equal values only: 1, 1.0 and true differ for conditions."""
    return b"" if value is UNSET else msgspec.json.encode(value, order="deterministic")


def _list_detail(field: str, old: JSON | UnsetType, new: JSON | UnsetType) -> Detail | None:
    """None unless they are lists that differ in more than order."""
    if not (isinstance(old, list) and isinstance(new, list)):
        return None
    added, removed = _beyond(new, old), _beyond(old, new)
    return Detail(field, added=added, removed=removed) if added or removed else None


def _beyond(items: list[JSON], others: list[JSON]) -> tuple[JSON, ...]:
    known = set(map(exactly, others))
    return tuple(item for item in items if exactly(item) not in known)
