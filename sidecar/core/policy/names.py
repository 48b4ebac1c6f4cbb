"""Names: what a condition may name, and every name in it that is none of that, with what was meant.

The CEL package has no type checker and finds an unknown name only when it is read; here it is found at load.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sidecar.core.policy.engine import cel
from sidecar.core.policy.reading import Call, Reading, Use, is_member
from sidecar.core.policy.tokens import Kind, Token, arguments, at
from sidecar.core.policy.vocabulary import FUNCTIONS, LOOKUPS, MACROS, METHODS, PARTIAL, TYPES, VARIABLES
from sidecar.core.shape import suggest


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a condition; `offset` counts characters from its start."""

    offset: int
    message: str
    hint: str = ""


def problems(reading: Reading, program: cel.Program, documents: list[str]) -> list[Problem]:
    """Everything that a compiling condition names wrongly. `documents` are the data documents there are."""
    found = [
        *_leading_dots(reading),
        *(problem for use in reading.uses for problem in _use(use)),
        *(problem for call in reading.calls for problem in _call(reading, call, documents)),
        *_comprehensions(reading),
    ]
    return sorted(found, key=_offset) or list(_overlooked(reading, program))


def _offset(problem: Problem) -> int:
    return problem.offset


def _leading_dots(reading: Reading) -> Iterator[Problem]:
    for index, token in enumerate(reading.stream):
        before = at(reading.stream, index - 1)
        if token.kind is Kind.NAME and before.text == "." and not is_member(reading.stream, index):
            yield Problem(before.offset, "a name does not begin with a dot")
        if token.kind is Kind.NAME and at(reading.stream, index + 1).text == "{":
            yield Problem(token.offset, f"messages such as `{token.text}{{}}` do not exist here")


def _use(use: Use) -> Iterator[Problem]:
    root = use.root.text
    if root in TYPES:
        return
    if root not in VARIABLES:
        yield Problem(use.root.offset, f"unknown variable `{root}`", suggest(root, list(VARIABLES)))
        return
    owner, fields = root, VARIABLES[root]
    for token in use.path[1:]:
        if fields is None:
            return
        if token.text not in fields:
            yield Problem(token.offset, f"`{owner}` has no `{token.text}`", suggest(token.text, list(fields)))
            return
        owner, fields = f"{owner}.{token.text}", fields[token.text]


def _call(reading: Reading, call: Call, documents: list[str]) -> Iterator[Problem]:
    name, known = call.name.text, METHODS if call.is_method else FUNCTIONS
    if name not in known:
        word = "method" if call.is_method else "function"
        yield Problem(call.name.offset, f"unknown {word} `{name}`", suggest(name, sorted(known)))
        return
    first = at(reading.stream, call.index + 2)
    if name in LOOKUPS:
        if arguments(reading.stream, call.index + 1) != 2:
            yield Problem(
                call.name.offset, f"`{name}` takes a document and a key", f'{name}("users", subject.id)'
            )
        elif first.kind is Kind.STRING and (document := literal(first)) not in documents:
            hint = suggest(document, documents) or "the bundle has no data documents"
            yield Problem(first.offset, f"no data document `{document}`", hint)
    elif name in PARTIAL and first.kind is Kind.STRING and at(reading.stream, call.index + 3).text == ")":
        yield from _literal_argument(call, first)


def _literal_argument(call: Call, argument: Token) -> Iterator[Problem]:
    expression = f'"".matches({argument.text})' if call.is_method else f"{call.name.text}({argument.text})"
    try:
        cel.evaluate(expression)
    except (RuntimeError, ValueError, TypeError, OverflowError):
        yield Problem(argument.offset, f"`{call.name.text}` can do nothing with {argument.text[:64]}")


def literal(token: Token) -> str:
    """The value of a string token."""
    return str(cel.evaluate(token.text))


def _comprehensions(reading: Reading) -> Iterator[Problem]:
    for macro in reading.macros:
        name = macro.variable.text
        if arguments(reading.stream, macro.start - 1) not in ({2, 3} if macro.name.text == "map" else {2}):
            message = f"`{macro.name.text}` takes a name and an expression"
            yield Problem(macro.name.offset, message, f"list.{macro.name.text}(x, x > 0)")
        if name in VARIABLES or name in TYPES:
            yield Problem(macro.variable.offset, f"`{name}` is taken", "give the bound variable another name")
        if any(outer.start <= macro.start - 2 < outer.end for outer in reading.macros):
            hint = "keep what it looks through as a data document and use known()"
            yield Problem(macro.name.offset, "comprehensions do not nest", hint)


def _overlooked(reading: Reading, program: cel.Program) -> Iterator[Problem]:
    """What the package sees and the reading above does not: a safety net."""
    offsets = {token.text: token.offset for token in reversed(reading.stream)}
    for name in program.variables():
        if name not in VARIABLES and name not in TYPES and name not in reading.bound:
            yield Problem(offsets.get(name, 0), f"unknown variable `{name}`", suggest(name, list(VARIABLES)))
    for name in filter(str.isidentifier, program.functions()):
        if name in MACROS:
            hint = f"list.{name}(x, x > 0)"
            yield Problem(offsets.get(name, 0), f"`{name}` takes a name and an expression", hint)
        elif name not in FUNCTIONS | METHODS:
            yield Problem(
                offsets.get(name, 0), f"unknown function `{name}`", suggest(name, sorted(FUNCTIONS))
            )
