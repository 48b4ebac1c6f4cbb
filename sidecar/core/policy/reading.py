"""Reading a condition: which variables, fields and functions its text names, and where each stands."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sidecar.core.policy.tokens import Kind, Token, at, closing
from sidecar.core.policy.vocabulary import MACROS

_VALUE_ENDS: Final = frozenset({")", "]", "}"})


@dataclass(frozen=True, slots=True)
class Use:
    """A variable and the fields read from it, as in `action.properties.amount`."""

    path: tuple[Token, ...]

    @property
    def root(self) -> Token:
        return self.path[0]


@dataclass(frozen=True, slots=True)
class Call:
    """A function or method that is called; `index` is that of its name among the tokens."""

    name: Token
    index: int
    is_method: bool


@dataclass(frozen=True, slots=True)
class Macro:
    """A comprehension such as `list.all(x, x > 0)`: `variable` is bound from token `start` to `end`."""

    name: Token
    variable: Token
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Reading:
    """All that a condition names."""

    stream: tuple[Token, ...]
    uses: tuple[Use, ...]
    calls: tuple[Call, ...]
    macros: tuple[Macro, ...]

    @property
    def bound(self) -> frozenset[str]:
        return frozenset(macro.variable.text for macro in self.macros)


def read_condition(stream: Sequence[Token]) -> Reading:
    """Reads tokens of a condition that compiles."""
    macros = tuple(_macros(stream))
    return Reading(tuple(stream), tuple(_uses(stream, macros)), tuple(_calls(stream)), macros)


def is_member(stream: Sequence[Token], index: int) -> bool:
    """Whether the name at `index` is a field or method of what stands before it."""
    if at(stream, index - 1).text != ".":
        return False
    owner = at(stream, index - 2)
    return owner.kind is not Kind.MARK or owner.text in _VALUE_ENDS


def _is_call(stream: Sequence[Token], index: int) -> bool:
    return at(stream, index + 1).text == "("


def _calls(stream: Sequence[Token]) -> Iterator[Call]:
    for index, token in enumerate(stream):
        if token.kind is Kind.NAME and _is_call(stream, index):
            yield Call(token, index, is_member(stream, index))


def _macros(stream: Sequence[Token]) -> Iterator[Macro]:
    for call in _calls(stream):
        variable, comma = at(stream, call.index + 2), at(stream, call.index + 3)
        if call.is_method and call.name.text in MACROS and variable.kind is Kind.NAME and comma.text == ",":
            yield Macro(call.name, variable, call.index + 2, closing(stream, call.index + 1))


def _uses(stream: Sequence[Token], macros: Sequence[Macro]) -> Iterator[Use]:
    for index, token in enumerate(stream):
        is_root = token.kind is Kind.NAME and not is_member(stream, index) and not _is_call(stream, index)
        if is_root and not any(m.start <= index < m.end and m.variable.text == token.text for m in macros):
            yield Use((token, *_fields(stream, index + 1)))


def _fields(stream: Sequence[Token], index: int) -> Iterator[Token]:
    while at(stream, index).text == "." and not _is_call(stream, index + 1):
        yield at(stream, index + 1)
        index += 2
