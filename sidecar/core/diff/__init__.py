"""Diff: what changed between two bundles, in words, what can loosen a decision first."""

from typing import Final

from sidecar.core.bundle import Bundle
from sidecar.core.diff.change import Change, Detail, Direction, Kind, What
from sidecar.core.diff.data import data_changes
from sidecar.core.diff.defaults import defaults_changes
from sidecar.core.diff.rules import rule_changes

__all__ = ["Change", "Detail", "Direction", "Kind", "What", "diff_bundles"]

_RANKS: Final = {direction: rank for rank, direction in enumerate(Direction)}


def diff_bundles(old: Bundle, new: Bundle) -> tuple[Change, ...]:
    """Every change, those that can only loosen first; nothing for files that were renamed or rules that moved.

    The direction of a change is that of it alone, as if the others had not been made.
    """
    before, after = old.policies, new.policies
    changes = [
        *rule_changes(
            [compiled.rule for compiled in before.rules],
            [compiled.rule for compiled in after.rules],
            before.defaults,
            after.defaults,
        ),
        *defaults_changes(before.defaults, after.defaults),
        *data_changes(old.data.documents, new.data.documents),
    ]
    return tuple(sorted(changes, key=lambda change: _RANKS[change.direction]))
