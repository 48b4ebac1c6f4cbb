"""Tokens of a CEL condition, with their offsets: enough to say where a name stands and what it is used as."""

import re
from collections.abc import Sequence
from enum import Enum
from typing import Final, NamedTuple

# CEL specification, "Syntax": white space, comments, literals (raw ones take no escapes), identifiers.
_TOKEN: Final = re.compile(
    r"""(?P<blank>\s+|//[^\n]*)
    |(?P<string>
        (?:[rR][bB]?|[bB][rR])(?:\"{3}[\s\S]*?\"{3}|'{3}[\s\S]*?'{3}|"[^"\n]*"|'[^'\n]*')
        |[bB]?(?:\"{3}(?:\\[\s\S]|[^\\])*?\"{3}|'{3}(?:\\[\s\S]|[^\\])*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
    |(?P<number>0x[0-9a-fA-F]+[uU]?|[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?[uU]?)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<mark>[\s\S])""",
    re.VERBOSE,
)
_RESERVED: Final = frozenset({"true", "false", "null", "in"})
_OPEN: Final = frozenset("([{")
_CLOSE: Final = frozenset(")]}")


class Kind(Enum):
    """What a token is."""

    STRING = "string"
    NUMBER = "number"
    NAME = "name"
    MARK = "mark"


class Token(NamedTuple):
    """One token. `offset` counts characters from the start of the condition."""

    kind: Kind
    text: str
    offset: int


END: Final = Token(Kind.MARK, "", -1)


def tokens(source: str) -> list[Token]:
    """The tokens of a condition, without white space and comments; `true false null in` are marks."""
    found = []
    for match in _TOKEN.finditer(source):
        if match.lastgroup == "blank":
            continue
        kind = Kind.MARK if match.group() in _RESERVED else Kind(match.lastgroup)
        found.append(Token(kind, match.group(), match.start()))
    return found


def at(stream: Sequence[Token], index: int) -> Token:
    """The token at an index; one that is nothing beyond both ends."""
    return stream[index] if 0 <= index < len(stream) else END


def closing(stream: Sequence[Token], index: int) -> int:
    """The index of the bracket that closes the one at `index`; the end if none does."""
    depth = 0
    for here in range(index, len(stream)):
        text = stream[here].text if stream[here].kind is Kind.MARK else ""
        depth += (text in _OPEN) - (text in _CLOSE)
        if depth == 0:
            return here
    return len(stream)


def arguments(stream: Sequence[Token], index: int) -> int:
    """How many arguments the call has whose `(` is at `index`."""
    end = closing(stream, index)
    if end == index + 1:
        return 0
    depth, count = 0, 1
    for token in stream[index:end]:
        if token.kind is Kind.MARK:
            depth += (token.text in _OPEN) - (token.text in _CLOSE)
            count += token.text == "," and depth == 1
    return count


def words(source: str) -> tuple[str, ...]:
    """The texts of its tokens: the same for conditions that differ in white space and comments only."""
    return tuple(token.text for token in tokens(source))
