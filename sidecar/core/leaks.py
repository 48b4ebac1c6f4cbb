"""Leaks: which kinds of secrets a text holds, by the patterns of the masking table. Never which secrets.

Patterns are made for short values: on a long text made for the purpose one of them can take the square of its length.
So a text is searched window by window, and whoever searches can do other things in between.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from sidecar.core.mask_table import MaskPattern, MaskTable, passes_luhn

_WINDOW: Final = 1024
_BEYOND: Final = 512  # characters that a secret may reach out of its window


def find_leaks(text: str, table: MaskTable) -> Iterator[Counter[str]]:
    """For each window how often each pattern, by its name, begins in it."""
    lowered = text.lower()
    patterns = [pattern for pattern in table.patterns if _is_hinted(pattern, lowered)]
    for start in range(0, len(text), _WINDOW):
        yield Counter(
            {pattern.name: count for pattern in patterns if (count := _count(pattern, text, start))}
        )


def _is_hinted(pattern: MaskPattern, lowered: str) -> bool:
    return not pattern.hints or any(hint.lower() in lowered for hint in pattern.hints)


def _count(pattern: MaskPattern, text: str, start: int) -> int:
    end = start + _WINDOW
    found = re.compile(pattern.regex).finditer(text, start, end + _BEYOND)
    return sum(1 for one in found if one.start() < end and (not pattern.luhn or passes_luhn(one[0])))
