"""`policy diff`: what changed between two sets of policies, what can loosen a decision first."""

from collections.abc import Iterator
from itertools import groupby
from typing import Annotated, Final

import msgspec
import typer
from msgspec import UNSET, UnsetType

from sidecar.cli.edge import Edge, edge_of
from sidecar.cli.exits import Exit
from sidecar.cli.local import open_places
from sidecar.cli.options import (
    Json,
    Labels,
    PubKeys,
    Threshold,
    TrustedName,
    trust_words,
)
from sidecar.cli.screen import Screen
from sidecar.core.diff import Change, Detail, Direction, Kind, What, diff_bundles
from sidecar.core.model import JSON

_MOST: Final = 20
_LONGEST: Final = 400
_HEADINGS: Final = {
    Direction.LOOSENS: "can only loosen:",
    Direction.EITHER: "can loosen or tighten:",
    Direction.TIGHTENS: "can only tighten:",
    Direction.NEITHER: "changes no decision:",
}
_PATTERNS: Final = frozenset({"subjects", "actions", "resources"})

Old = Annotated[str, typer.Argument(metavar="OLD", help="Folder of policies, `default`, or a signed bundle.")]
New = Annotated[str, typer.Argument(metavar="NEW", help="The same.")]


def diff(
    context: typer.Context,
    old: Old,
    new: New,
    *,
    pub: PubKeys = None,
    threshold: Threshold = None,
    name: TrustedName = None,
    audience: Labels = None,
    json: Json = False,
) -> int:
    """Show what changed from some policies to others, and whether it can loosen or tighten decisions."""
    edge = edge_of(context)
    before, after = open_places(edge, (old, new), trust_words(pub, threshold, name, audience))
    changes = diff_bundles(before.bundle, after.bundle)
    if json:
        edge.emit({"equal": not changes, "changes": changes})
    else:
        _show(edge, changes)
    return Exit.DENIED if changes else Exit.OK


def _show(edge: Edge, changes: tuple[Change, ...]) -> None:
    for direction, group in groupby(changes, key=lambda change: change.direction):
        edge.say(_HEADINGS[direction])
        for change in group:
            for line in _lines(change):
                edge.say(line)
    loosening = sum(change.direction in {Direction.LOOSENS, Direction.EITHER} for change in changes)
    if changes:
        Screen(edge).line("differ", f"{len(changes)} changes, {loosening} of which can loosen a decision")
    else:
        Screen(edge).line("ok", "no difference")


def _lines(change: Change) -> Iterator[str]:
    place = f" ({change.place})" if change.place else ""
    name = change.name if change.what is What.DEFAULTS else f"{change.what} `{change.name}`"
    yield f"  {name} {change.kind}{place}"
    tell = _difference if change.kind is Kind.CHANGED else _content
    for detail in change.details[:_MOST]:
        yield f"    {detail.field}: {tell(detail)}"
    if len(change.details) > _MOST:
        yield f"    and {len(change.details) - _MOST} more (--json has all)"


def _content(detail: Detail) -> str:
    """Of what is in one of both only."""
    return _short(detail.new if detail.old is UNSET else detail.old)


def _difference(detail: Detail) -> str:
    if detail.added or detail.removed:
        parts = (("added", detail.added), ("removed", detail.removed))
        return "; ".join(f"{word} {_short(list(items))}" for word, items in parts if items)
    nothing = "any" if detail.field in _PATTERNS else "none"
    return f"{_value(detail.old, nothing)} -> {_value(detail.new, nothing)}"


def _value(value: JSON | UnsetType, nothing: str) -> str:
    return nothing if value is UNSET or value is None else _short(value)


def _short(value: JSON) -> str:
    """On one line: texts as they are, lists of them with commas, all else as JSON."""
    if isinstance(value, list):
        return ", ".join(map(_short, value))
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
