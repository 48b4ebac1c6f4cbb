"""Cover: whether one pattern matches all that another matches. Sound: a yes is always true, a no may be wrong.

A `*` of the narrow pattern stands for any text, so only a `*` of the wide one covers it; everything else is one
character of unknown or known value. So the wide pattern is matched against the narrow one's characters as if they
were text. `?*`, `*?` and `*?*` are the same texts; the last is what is matched with.
"""

from collections.abc import Sequence
from typing import Final
from unicodedata import normalize

from sidecar.core.policy.globs import ANY, ONE, Glob, pieces
from sidecar.core.policy.values import Rule, TypedGlob

_Piece = tuple[str, bool]
_STAR: Final[_Piece] = (ANY, True)
_MARK: Final[_Piece] = (ONE, True)


def covers(wide: Glob, narrow: Glob) -> bool:
    """Whether every text that `narrow` matches is known to be matched by `wide`. Time: their lengths' product."""
    if narrow.is_literal:
        return bool(wide.matches(narrow.prefix))
    if not narrow.prefix.startswith(wide.prefix):
        return False
    return _covers(_spread(_parts(wide)), _parts(narrow))


def covers_typed(wide: TypedGlob, narrow: TypedGlob) -> bool:
    """The same for patterns `type:id`."""
    return covers(wide.type, narrow.type) and covers(wide.id, narrow.id)


def covers_names(wide: Sequence[Glob] | None, narrow: Sequence[Glob] | None) -> bool:
    """The same for lists of patterns, any of which may match. None matches everything."""
    if wide is None:
        return True
    if narrow is None:
        return any(_is_anything(glob) for glob in wide)
    return all(any(covers(one, other) for one in wide) for other in narrow)


def covers_ids(wide: Sequence[TypedGlob] | None, narrow: Sequence[TypedGlob] | None) -> bool:
    """The same for lists of patterns `type:id`."""
    if wide is None:
        return True
    if narrow is None:
        return any(_is_anything(glob.type) and _is_anything(glob.id) for glob in wide)
    return all(any(covers_typed(one, other) for one in wide) for other in narrow)


def covers_match(wide: Rule, narrow: Rule) -> bool:
    """Whether the `match` of one rule admits every request that the other's does. Conditions are not looked at."""
    return (
        covers_names(wide.actions, narrow.actions)
        and covers_ids(wide.resources, narrow.resources)
        and covers_ids(wide.subjects, narrow.subjects)
    )


def _is_anything(glob: Glob) -> bool:
    return set(_parts(glob)) == {_STAR}


def _parts(glob: Glob) -> list[_Piece]:
    return list(pieces(normalize("NFC", glob.text)))


def _spread(parts: Sequence[_Piece]) -> list[_Piece]:
    """The same pattern with a `*` on either side of each `?` that has one somewhere in its run of wildcards."""
    spread: list[_Piece] = []
    run: list[_Piece] = []
    for piece in [*parts, ("", False)]:
        if piece[1]:
            run.append(piece)
            continue
        marks = run.count(_MARK)
        spread += [_STAR, *[_MARK, _STAR] * marks] if _STAR in run else [_MARK] * marks
        spread.append(piece)
        run = []
    return spread[:-1]


def _covers(wide: Sequence[_Piece], narrow: Sequence[_Piece]) -> bool:
    """`reached[j]`: whether what was looked at of `wide` so far covers the first `j` pieces of `narrow`."""
    reached = [True] + [False] * len(narrow)
    for piece in wide:
        if piece == _STAR:
            first = reached.index(True) if True in reached else len(reached)
            reached = [False] * first + [True] * (len(reached) - first)
        else:
            reached = [
                False,
                *(was and _is_one(piece, other) for was, other in zip(reached, narrow, strict=False)),
            ]
    return reached[-1]


def _is_one(piece: _Piece, other: _Piece) -> bool:
    return other != _STAR and piece in {_MARK, other}
