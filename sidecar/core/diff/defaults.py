"""Changes of the defaults."""

from collections.abc import Iterator
from typing import Final

from sidecar.core.diff.change import Change, Direction, Kind, What, details, reverse, together
from sidecar.core.diff.parts import of_answer, of_members, of_number, of_stages
from sidecar.core.diff.words import stages_in_words
from sidecar.core.model import JSON, Thresholds
from sidecar.core.policy import Defaults

_OUT_OF_REACH: Final = 101


def defaults_changes(old: Defaults, new: Defaults) -> Iterator[Change]:
    """At most one change."""
    found = tuple(details(_fields(old), _fields(new)))
    if found:
        yield Change(What.DEFAULTS, Kind.CHANGED, "defaults", together(_directions(old, new)), found)


def _fields(defaults: Defaults) -> dict[str, JSON]:
    limits = defaults.thresholds or Thresholds()
    return {
        "thresholds.approve": limits.approve,
        "thresholds.deny": limits.deny,
        "approval": stages_in_words(defaults.stages),
        "score": defaults.score,
        "on_platform_unavailable": defaults.on_platform_unavailable,
        "max_depth": defaults.max_depth,
        "volatile": sorted(set(defaults.volatile)),
    }


def _directions(old: Defaults, new: Defaults) -> Iterator[Direction]:
    before, after = old.thresholds or Thresholds(), new.thresholds or Thresholds()
    yield of_number(-_limit(before.approve), -_limit(after.approve))
    yield of_number(-_limit(before.deny), -_limit(after.deny))
    yield of_stages(old.stages, new.stages)
    yield Direction.NEITHER if old.score is new.score else Direction.EITHER
    yield of_answer(old.on_platform_unavailable, new.on_platform_unavailable)
    yield of_number(-old.max_depth, -new.max_depth)
    # A key that makes no request another one makes an approval good for more of them.
    yield reverse(of_members(old.volatile, new.volatile))


def _limit(limit: int | None) -> int:
    """Where the defaults name none, nothing else does: as if it were out of reach."""
    return _OUT_OF_REACH if limit is None else limit
