"""Directions of the parts of rules and defaults: limits, stages of approval, obligations."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from sidecar.core.diff.change import Direction, reverse, together
from sidecar.core.diff.words import obligation_in_words
from sidecar.core.model import Obligation, Stage
from sidecar.core.policy import WhenUnavailable

_ANSWERS: Final = (WhenUnavailable.OPEN, WhenUnavailable.LOCAL, WhenUnavailable.DENY)


def of_number(old: float, new: float) -> Direction:
    """Of a number that asks for more the higher it is."""
    if old == new:
        return Direction.NEITHER
    return Direction.TIGHTENS if new > old else Direction.LOOSENS


def of_limit(old: int | None, new: int | None) -> Direction:
    """Of a limit of the risk. One that comes or goes takes the place of another, or leaves it to that."""
    if old is None or new is None:
        return Direction.NEITHER if old is new else Direction.EITHER
    return of_number(new, old)


def of_answer(old: WhenUnavailable | None, new: WhenUnavailable | None) -> Direction:
    """Of what holds while the platform does not answer. None leaves it to the defaults."""
    if old is None or new is None:
        return Direction.NEITHER if old is new else Direction.EITHER
    return of_number(_ANSWERS.index(old), _ANSWERS.index(new))


def of_members(old: Iterable[str], new: Iterable[str]) -> Direction:
    """Of a set that asks for more the larger it is."""
    before, after = frozenset(old), frozenset(new)
    return together(
        (
            Direction.TIGHTENS if after - before else Direction.NEITHER,
            Direction.LOOSENS if before - after else Direction.NEITHER,
        )
    )


def of_obligations(old: Iterable[Obligation], new: Iterable[Obligation]) -> Direction:
    """One that changed went and came."""
    return of_members(map(obligation_in_words, old), map(obligation_in_words, new))


def of_stages(old: Sequence[Stage], new: Sequence[Stage]) -> Direction:
    """Of an approval: stage by stage, then of stages added or removed at the end."""
    pairs = zip(old, new, strict=False)
    return together([of_number(len(old), len(new)), *(way for pair in pairs for way in _of_stage(*pair))])


def _of_stage(old: Stage, new: Stage) -> Iterator[Direction]:
    """More people must approve, fewer may, sooner."""
    yield of_number(old.quorum, new.quorum)
    yield reverse(of_members(old.approvers, new.approvers))
    yield reverse(of_members(old.escalate, new.escalate))
    yield reverse(of_number(old.within, new.within))
