"""Globs: `*` is any run of characters, `/` included, `?` is one, `\\` escapes. Case-sensitive, Unicode NFC.

Matching time grows with the length of the text, never with how often a `*` can be placed.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final
from unicodedata import normalize

ANY: Final = "*"
ONE: Final = "?"
_SPECIAL: Final = frozenset("*?\\")


@dataclass(frozen=True, slots=True)
class Glob:
    """A compiled pattern. `prefix` is its literal beginning: all of it where `is_literal`."""

    text: str
    prefix: str
    is_literal: bool
    matches: Callable[[str], object]


def compile_glob(text: str) -> Glob:
    """The glob for a pattern; its `matches` takes text in NFC and answers truthily. Raises ValueError."""
    plain = normalize("NFC", text)
    if _SPECIAL.isdisjoint(plain):
        return Glob(text, plain, is_literal=True, matches=_equals(plain))
    parts = list(pieces(plain))
    marks = [index for index, (_, is_wild) in enumerate(parts) if is_wild]
    prefix = "".join(character for character, _ in parts[: marks[0] if marks else None])
    if not marks:
        return Glob(text, prefix, is_literal=True, matches=_equals(prefix))
    if len(prefix) == len(parts) - 1 and parts[-1] == (ANY, True):
        return Glob(text, prefix, is_literal=False, matches=_starts_with(prefix))
    return Glob(text, prefix, is_literal=False, matches=re.compile(_expression(parts), re.DOTALL).fullmatch)


def pieces(text: str) -> Iterator[tuple[str, bool]]:
    """The characters of a pattern in NFC, each with whether it is a wildcard. Raises ValueError."""
    characters = iter(text)
    for character in characters:
        if character != "\\":
            yield character, character in {ANY, ONE}
            continue
        escaped = next(characters, None)
        if escaped is None:
            raise ValueError(r"a lone `\` at the end escapes nothing; write `\\`")
        yield escaped, False


def some_text(glob: Glob) -> str:
    """A text that the glob matches."""
    parts = pieces(normalize("NFC", glob.text))
    return "".join("x" if is_wild else character for character, is_wild in parts)


def _equals(whole: str) -> Callable[[str], object]:
    return lambda text: text == whole


def _starts_with(prefix: str) -> Callable[[str], object]:
    if not prefix:
        return lambda _: True
    return lambda text: text.startswith(prefix)


def _expression(parts: list[tuple[str, bool]]) -> str:
    """Each run between two `*` is found at its first place and kept there (an atomic group): no backtracking.

    First places suffice: if any placement of the runs matches, so does the leftmost one of each but the last,
    which is anchored at the end.
    """
    runs = [""]
    for character, is_wild in parts:
        if is_wild and character == ANY:
            runs.append("")
        else:
            runs[-1] += "." if is_wild else re.escape(character)
    first, *middle, last = runs if len(runs) > 1 else (runs[0], None)
    if last is None:
        return first
    return first + "".join(f"(?>.*?{run})" for run in middle if run) + f".*{last}"
