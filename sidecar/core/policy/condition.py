"""Conditions: CEL expressions, compiled once, that hold, do not hold, or err."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sidecar.core.policy.engine import cel
from sidecar.core.policy.flat import Path, flatten, is_chain
from sidecar.core.policy.names import Problem, problems
from sidecar.core.policy.reading import Reading, read_condition
from sidecar.core.policy.tokens import tokens
from sidecar.core.policy.vocabulary import LOOKUPS, VARIABLES

# What a condition reads of a variable: fields by name, each again so; None is all of it.
Tree = Mapping[str, Any]
_SYNTAX: Final = re.compile(r"<input>:(\d+):(\d+): (?:Syntax error: )?(.*)")
_EXPECTING: Final = re.compile(r" expecting \{.*", re.DOTALL)
_WHY: Final[Mapping[type[BaseException], str]] = {
    IndexError: "an index is out of bounds",
    OverflowError: "a number does not fit in 64 bits",
    TypeError: "the types of the operands do not fit",
    ZeroDivisionError: "division by zero",
}
_PANIC: Final = "PanicException"


class ConditionError(Exception):
    """A condition that errs. The message has no value of the request or the data in it."""


class ConditionRefusedError(Exception):
    """A condition that cannot be loaded, with every problem found."""

    def __init__(self, *found: Problem) -> None:
        super().__init__("; ".join(problem.message for problem in found))
        self.problems = found


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """A compiled condition. `reads`: what of the variables; `calls_data`: whether it looks up data.

    `flat` are the paths that the program has as variables of their own; they are not among `reads`.
    """

    source: str
    program: cel.Program
    reads: Tree
    flat: Mapping[str, Path]
    calls_data: bool

    def holds(self, context: cel.Context) -> bool:
        """Whether it is true. Raises ConditionError: absent name, wrong type, a result that is no bool."""
        try:
            result = self.program.execute(context)
        except Exception as error:
            raise ConditionError(self._why(error)) from error
        except BaseException as error:
            # A panic in the Rust code derives from BaseException, but is no request to stop.
            if type(error).__name__ != _PANIC:
                raise
            raise ConditionError("the evaluation broke down") from error
        if result is True or result is False:
            return result
        raise ConditionError("the result is neither true nor false")

    def _why(self, error: Exception) -> str:
        if isinstance(error, KeyError):
            name = str(error.args[0]) if error.args else ""
            return f"`{name}` is absent" if name.isidentifier() and name in self.source else "a key is absent"
        if isinstance(error, RuntimeError):
            absent = next((name for name in (*self.flat, *self.reads) if f"'{name}'" in str(error)), None)
            return (
                f"`{'.'.join(self.flat.get(absent, (absent,)))}` is absent" if absent else "a function failed"
            )
        return _WHY.get(type(error), "a value cannot be read")


def compile_condition(source: str, documents: list[str]) -> Condition:
    """A rule's condition; `documents` are the names of the data documents. Raises ConditionRefusedError."""
    try:
        program = cel.compile(source)
    except ValueError as error:
        raise ConditionRefusedError(*_syntax(source, str(error))) from error
    reading = read_condition(tokens(source))
    found = problems(reading, program, documents)
    if found:
        raise ConditionRefusedError(*found)
    flattened, flat = flatten(source, reading)
    program = cel.compile(flattened)
    return Condition(
        source,
        program,
        _reads(reading, program),
        flat,
        calls_data=not LOOKUPS.isdisjoint(program.functions()),
    )


def _syntax(source: str, message: str) -> Iterator[Problem]:
    lines, end = source.splitlines(keepends=True), len(source.rstrip())
    spots = list(_SYNTAX.finditer(message)) if len(message) < 1 << 16 else []
    for spot in spots[:8]:
        offset = sum(map(len, lines[: int(spot[1]) - 1])) + int(spot[2]) - 1
        yield Problem(min(offset, end), f"not CEL: {_EXPECTING.sub('', spot[3])}")
    if not spots:
        yield Problem(0, "not CEL")


def _reads(reading: Reading, program: cel.Program) -> Tree:
    """What the program, of which chains are variables of their own, reads of the variables besides."""
    reads: Tree = {}
    for use in reading.uses:
        if use.root.text in VARIABLES and not is_chain(use, reading):
            reads = merge(reads, _branch([token.text for token in use.path]))
    overlooked = [name for name in program.variables() if name in VARIABLES and name not in reads]
    return merge(reads, dict.fromkeys(overlooked))


def _branch(path: list[str]) -> Tree:
    return {path[0]: _branch(path[1:]) if len(path) > 1 else None}


def merge(one: Tree, other: Tree) -> Tree:
    """What either reads."""
    both = {**one, **other}
    for name in one.keys() & other.keys():
        mine, theirs = one[name], other[name]
        both[name] = None if mine is None or theirs is None else merge(mine, theirs)
    return both
