"""Operands: a condition taken apart at its `&&` and `||`, and whether samples can tell what becomes of a part.

One operand that always errs spoils the condition: what `&&` joins then never holds, what `||` joins is as good as
not there. Samples tell nothing of a part whose errors hang on more than the types of what it reads.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from sidecar.core.policy.names import literal
from sidecar.core.policy.reading import Call, Macro, Reading, Use, is_member, read_condition
from sidecar.core.policy.tokens import END, Kind, Token, at, closing, tokens
from sidecar.core.policy.vocabulary import LOOKUPS, PARTIAL, TYPES, VARIABLES

Stream = Sequence[Token]
_OPEN: Final = frozenset("([{")
_CLOSE: Final = frozenset(")]}")
_JOINS: Final = frozenset("&|")


def operands(source: str) -> Iterator[tuple[int, str]]:
    """The parts that `&&` and `||` join, parentheses around them taken off, each with its offset."""
    stack: list[Stream] = [tokens(source)]
    while stack:
        stream = _bare(stack.pop())
        parts = list(_split(stream))
        if len(parts) > 1:
            stack += reversed(parts)
        elif stream:
            last = stream[-1]
            yield stream[0].offset, source[stream[0].offset : last.offset + len(last.text)]


def is_plain(reading: Reading) -> bool:
    """Whether this part errs by the types of what it reads alone, so that samples of each type tell all.

    Not so where it picks by index or by `?`, looks up data, divides by something, reads fields of what it worked
    out, or parses a text that it put together.
    """
    stream = reading.stream
    return (
        not any(_is_beyond_types(stream, index) for index in range(len(stream)))
        and all(_is_plain_call(reading, call) for call in reading.calls)
        and all(_reads_from_a_path(reading, macro) for macro in reading.macros)
        and not _strays(reading)
    )


def document_of(reading: Reading, call: Call) -> str | None:
    """The name of the document that a look-up spells out; None where it works one out."""
    name, after = at(reading.stream, call.index + 2), at(reading.stream, call.index + 3)
    return literal(name) if name.kind is Kind.STRING and after.text == "," else None


def paths(reading: Reading) -> frozenset[tuple[str, ...]]:
    """What it reads of the variables."""
    return frozenset(_path(use) for use in reading.uses if use.root.text in VARIABLES)


def read_operand(source: str) -> Reading:
    """The reading of one part."""
    return read_condition(tokens(source))


def _path(use: Use) -> tuple[str, ...]:
    return tuple(token.text for token in use.path)


def _bare(stream: Stream) -> Stream:
    while _is_mark(at(stream, 0), "(") and closing(stream, 0) == len(stream) - 1:
        stream = stream[1:-1]
    return stream


def _split(stream: Stream) -> Iterator[Stream]:
    """At each `&&` and `||` outside brackets; not at all beside a `?`, which binds less than they do."""
    depth, start = 0, 0
    cuts: list[int] = []
    for index, token in enumerate(stream):
        text = token.text if token.kind is Kind.MARK else ""
        depth += (text in _OPEN) - (text in _CLOSE)
        if depth == 0 and text == "?":
            cuts.clear()
            break
        if depth == 0 and text in _JOINS and at(stream, index + 1).text == text:
            cuts.append(index)
    for cut in cuts:
        yield stream[start:cut]
        start = cut + 2
    yield stream[start:]


def _is_mark(token: Token, text: str) -> bool:
    return token.kind is Kind.MARK and token.text == text


def _is_beyond_types(stream: Stream, index: int) -> bool:
    token, before, after = stream[index], at(stream, index - 1), at(stream, index + 1)
    if token.kind is not Kind.MARK:
        return False
    if token.text == "[":
        return before is not END and (before.kind is not Kind.MARK or before.text in _CLOSE)
    return token.text == "?" or (token.text in {"/", "%"} and not _is_safe_divisor(after))


def _is_safe_divisor(token: Token) -> bool:
    return token.kind is Kind.NUMBER and any(digit in token.text for digit in "123456789")


def _is_plain_call(reading: Reading, call: Call) -> bool:
    name = call.name.text
    if name in LOOKUPS:
        return name != "lookup" and document_of(reading, call) is not None
    return name not in PARTIAL or _is_simple(reading, call.index + 1)


def _is_simple(reading: Reading, bracket: int) -> bool:
    """Whether what stands in these brackets is one literal, or one path and no more."""
    inside = reading.stream[bracket + 1 : closing(reading.stream, bracket)]
    if len(inside) == 1 and inside[0].kind in {Kind.STRING, Kind.NUMBER}:
        return True
    return any(_spelled(use) == tuple(token.text for token in inside) for use in reading.uses)


def _spelled(use: Use) -> tuple[str, ...]:
    return tuple(text for token in use.path for text in (token.text, "."))[:-1]


def _reads_from_a_path(reading: Reading, macro: Macro) -> bool:
    """Then an empty list is among the samples, and nothing that is said of its items can err."""
    owner = at(reading.stream, reading.stream.index(macro.name) - 2)
    return any(use.root.text in VARIABLES and use.path[-1] == owner for use in reading.uses)


def _strays(reading: Reading) -> bool:
    """Whether it reads fields of what is neither a variable nor bound in a comprehension."""
    calls = {call.index for call in reading.calls}
    seen = {token for use in reading.uses if use.root.text in VARIABLES for token in use.path}
    return any(
        token.kind is Kind.NAME
        and index not in calls
        and token not in seen
        and token.text not in TYPES
        and not any(macro.start <= index < macro.end for macro in reading.macros)
        and is_member(reading.stream, index)
        for index, token in enumerate(reading.stream)
    )
