"""Leaks: which kinds of secrets a text holds, by the patterns of the masking table. Never which secrets."""

import re
from typing import Final

import msgspec

from sidecar.core.mask_table import MaskPattern, MaskTable, passes_luhn

_SHORTEST: Final = 8  # no secret that a pattern could tell is shorter


class Leak(msgspec.Struct, frozen=True):
    """How often a pattern occurs."""

    pattern: str
    count: int


def find_leaks(text: str, table: MaskTable) -> tuple[Leak, ...]:
    """One for each pattern that occurs, in the order of the table."""
    if len(text) < _SHORTEST:
        return ()
    lowered = text.lower()
    counted = ((pattern.name, _count(pattern, text, lowered)) for pattern in table.patterns)
    return tuple(Leak(name, count) for name, count in counted if count)


def _count(pattern: MaskPattern, text: str, lowered: str) -> int:
    if pattern.hints and not any(hint.lower() in lowered for hint in pattern.hints):
        return 0
    found = re.finditer(pattern.regex, text)
    return sum(1 for one in found if not pattern.luhn or passes_luhn(one[0]))
