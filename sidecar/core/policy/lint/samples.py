"""Samples: requests of every kind that a condition may meet, from the paths that it reads.

Each property is absent and of each JSON type, texts also as numbers, times and durations are written; what the
model gives a type keeps it.
"""

from collections.abc import Collection, Iterator, Sequence
from itertools import product
from math import prod
from typing import Final

from sidecar.core.model import (
    JSON,
    Action,
    Attack,
    Caller,
    Cvss,
    Nist,
    Object,
    Request,
    Resource,
    Risk,
    Subject,
)
from sidecar.core.policy.flat import ABSENT, Path
from sidecar.core.policy.values import Inputs

MOST: Final = 6_000
_NOW: Final = 1767225600.0  # 2026-01-01T00:00:00Z
_TEXTS: Final = ("a", "1", "2026-01-01T00:00:00Z", "1s", "UTC", "")
_MAPS: Final[tuple[JSON, ...]] = ({}, {"a": 1})
_VALUES: Final[tuple[JSON, ...]] = (1, *_TEXTS, 1.5, True, False, [], ["a"], [1], *_MAPS, 0, None, ABSENT)
_RISK: Final = Risk(
    score=50,
    level="medium",
    verb="file.read",
    because=("base 50",),
    cvss=Cvss("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:L/I:N/A:N", 3.3),
    nist=Nist("low", "low", "low"),
    attack=Attack("collection", "T1005"),
)
_CALLER: Final = Caller(uid=1000, gid=1000, token_id="0" * 64)
_PARTS: Final = frozenset({"subject", "action", "resource"})


def samples(paths: Collection[Path], literals: Sequence[JSON]) -> Iterator[Inputs] | None:
    """Every combination of values; None where they would be too many, or where one path lies within another.

    `literals` are values that the condition compares with; they are tried too where that is not too many.
    """
    ordered = sorted(paths)
    if any(path[: len(other)] == other for path in ordered for other in ordered if other != path):
        return None
    for known in (literals, ()):
        choices = [_choices(path, known) for path in ordered]
        if prod(map(len, choices)) <= MOST:
            return (_inputs(ordered, values) for values in product(*choices))
    return None


def _choices(path: Path, literals: Sequence[JSON]) -> Sequence[JSON]:
    """The values of a path; ABSENT alone where nothing is to be chosen."""
    root, field = path[0], path[1] if len(path) > 1 else ""
    if root in _PARTS and field not in {"", "properties"}:
        return (*_TEXTS, *(value for value in literals if isinstance(value, str)))
    is_open = root in {"context", "approval"} or field == "properties"
    if not is_open:
        return (ABSENT,)
    whole = 2 if root in _PARTS else 1
    return _MAPS if len(path) == whole else (*_VALUES, *literals)


def _inputs(paths: Sequence[Path], values: Sequence[JSON]) -> Inputs:
    given: Object = {
        "subject": {"type": "agent", "id": "a", "properties": {}},
        "action": {"name": "file.read", "properties": {}},
        "resource": {"type": "file", "id": "/srv/a", "properties": {}},
        "context": {},
        "approval": {},
    }
    for path, value in zip(paths, values, strict=True):
        if value is not ABSENT:
            _put(given, path, value)
    request = Request(
        Subject(**given["subject"]),
        Action(**given["action"]),
        Resource(**given["resource"]),
        given["context"],
    )
    return Inputs(request, _RISK, _CALLER, _NOW, (), given["approval"])


def _put(into: Object, path: Path, value: JSON) -> None:
    for field in path[:-1]:
        into = into.setdefault(field, {})
    into[path[-1]] = value
