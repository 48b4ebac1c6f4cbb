"""Flat variables: `action.properties.amount` handed to CEL as one scalar instead of two maps around it.

Handing CEL a map costs some microseconds, a scalar a tenth of that. So a chain of fields becomes a variable of its
own, and where the chain leads nowhere the variable is absent, which errs as the absent field does. Chains that
`has()` asks for, and variables that are used whole, are left as they are written.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from sidecar.core.model import JSON
from sidecar.core.policy.reading import Reading, Use
from sidecar.core.policy.tokens import Token, at
from sidecar.core.policy.vocabulary import VARIABLES

ABSENT: Final = object()
Path = tuple[str, ...]
_PREFIX: Final = "flat__"


def flatten(source: str, reading: Reading) -> tuple[str, Mapping[str, Path]]:
    """The condition with its chains replaced, and the path that each new variable stands for."""
    flat: dict[str, Path] = {}
    if any(name.startswith(_PREFIX) for name in reading.bound):
        return source, flat  # a comprehension's own variable could be taken for one of these
    for use in sorted(reading.uses, key=_offset, reverse=True):
        if not is_chain(use, reading):
            continue
        path = tuple(token.text for token in use.path)
        name = _PREFIX + "__".join(path)
        last = use.path[-1]
        source = source[: use.root.offset] + name + source[last.offset + len(last.text) :]
        flat[name] = path
    return source, flat


def _offset(use: Use) -> int:
    return use.root.offset


def is_chain(use: Use, reading: Reading) -> bool:
    """Whether this use of a variable becomes a variable of its own."""
    if use.root.text not in VARIABLES or len(use.path) == 1:
        return False
    return not _is_asked_for(reading.stream, reading.stream.index(use.root))


def _is_asked_for(stream: Sequence[Token], index: int) -> bool:
    """Whether `has()` asks for the chain that begins here."""
    while at(stream, index - 1).text == "(":
        index -= 1
    return at(stream, index - 1).text == "has"


def follow(value: object, fields: Sequence[str]) -> JSON:
    """What the path leads to, or ABSENT."""
    for field in fields:
        if isinstance(value, dict):
            value = value.get(field, ABSENT)
        elif isinstance(value, msgspec.Struct):
            value = getattr(value, field, ABSENT)
        else:
            return ABSENT
    return msgspec.to_builtins(value) if isinstance(value, msgspec.Struct) else value
