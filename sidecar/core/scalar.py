"""From a character of a YAML string back to the spot in the file that it was written at.

Folding and indentation change only white space, so the n-th character that is none is the n-th in both.
"""

import re
from typing import Final

_BLOCK: Final = re.compile(r"\S")
_SINGLE: Final = re.compile(r"''|\S")
_DOUBLE: Final = re.compile(r"\\(?:x..|u....|U........|[\s\S])|\S")
_BLANK_ESCAPES: Final = frozenset(
    {"\\n", "\\t", "\\r", "\\ ", "\\\t", "\\\n", "\\_", "\\N", "\\L", "\\P", "\\v"}
)


def offset_in_source(source: str, style: str, value: str, offset: int) -> int:
    """Where in `source` (the scalar as written, indicators included) `value[offset]` stands."""
    skip = sum(not character.isspace() for character in value[:offset])
    begin = _begin(source, style)
    pattern = {"'": _SINGLE, '"': _DOUBLE}.get(style, _BLOCK)
    for match in pattern.finditer(source, begin):
        if match.group() in _BLANK_ESCAPES:
            continue
        if skip == 0:
            return match.start()
        skip -= 1
    return len(source.rstrip())


def _begin(source: str, style: str) -> int:
    if style in {"|", ">"}:
        return source.find("\n") + 1
    return 1 if style else 0
