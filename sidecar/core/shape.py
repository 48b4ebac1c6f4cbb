"""Shape: what keeps a plain JSON value from being a given msgspec type, every finding with its key path."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import Enum
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

import msgspec

from sidecar.core.model import JSON

Keys = tuple[str | int, ...]
_TYPES: Final = re.compile(r"`((?:str|int|float|bool|null|object|array)(?: \| \w+)*)`")
_WORDS: Final = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
    "object": "a mapping",
    "array": "a list",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong: at the value of `keys`, or at its key (`on_key`)."""

    keys: Keys
    message: str
    hint: str = ""
    on_key: bool = False


def suggest(word: str, known: list[str]) -> str:
    """A hint for an unknown word: the nearest known one, else the first few; "" when none are known."""
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"known: {', '.join(known[:12])}" if known else ""


def findings(value: JSON, hint: Any, keys: Keys = ()) -> Iterator[Finding]:
    """Every reason why `msgspec.convert(value, hint, strict=True)` fails; nothing when it succeeds.

    A container that fails is searched for the parts that fail; only if all are well is it itself at fault.
    """
    try:
        msgspec.convert(value, hint, strict=True)
    except msgspec.ValidationError as error:
        inner = list(_parts(value, hint, keys))
        yield from inner or [_own(value, hint, keys, str(error))]


def _parts(value: JSON, hint: Any, keys: Keys) -> Iterator[Finding]:
    hint = _bare(hint, value)
    arguments = get_args(hint)
    if isinstance(value, dict) and isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        yield from _struct(value, hint, keys)
    elif isinstance(value, dict) and len(arguments) == 2 and _is_meant(value, hint):
        for key, item in value.items():
            here = (*keys, key)
            yield from (replace(found, on_key=True) for found in findings(key, arguments[0], here))
            yield from findings(item, arguments[1], here)
    elif isinstance(value, list) and arguments and get_origin(hint) in {list, tuple, set, frozenset}:
        for index, item in enumerate(value):
            yield from findings(item, arguments[0], (*keys, index))


def _struct(value: dict[str, JSON], struct: type[msgspec.Struct], keys: Keys) -> Iterator[Finding]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    if struct.__struct_config__.forbid_unknown_fields:
        for key in value.keys() - fields.keys() - {struct.__struct_config__.tag_field}:
            yield Finding((*keys, key), f"unknown key `{key}`", suggest(key, list(fields)), on_key=True)
    for name, field in fields.items():
        if name in value:
            yield from findings(value[name], field.type, (*keys, name))
        elif field.required:
            yield Finding(keys, f"missing key `{name}`")


def _arms(hint: Any) -> list[Any]:
    """The alternatives of a union, without None; one that is no union is its only alternative."""
    if get_origin(hint) in {Union, UnionType}:
        return [arm for arm in get_args(hint) if arm is not type(None)]
    return [hint]


def _bare(hint: Any, value: JSON) -> Any:
    """The alternative of the hint that a value of this kind was meant for, without `Annotated`."""
    bare = [getattr(arm, "__origin__", arm) if hasattr(arm, "__metadata__") else arm for arm in _arms(hint)]
    return next((arm for arm in bare if _is_meant(value, arm)), bare[0])


def _is_meant(value: JSON, hint: Any) -> bool:
    kind = get_origin(hint) or hint
    if not isinstance(kind, type):
        return False
    if isinstance(value, dict):
        return issubclass(kind, Mapping | msgspec.Struct)
    return issubclass(kind, (list, tuple, set, frozenset)) if isinstance(value, list) else False


def _own(value: JSON, hint: Any, keys: Keys, error: str) -> Finding:
    choices = _choices(_bare(hint, value))
    if choices and isinstance(value, str):
        return Finding(keys, f"`{value[:64]}` is not one of {', '.join(choices)}", _nearest(value, choices))
    described = _description(hint)
    if described:
        return Finding(keys, f"expected {described}")
    message = _TYPES.sub(_in_words, error.removesuffix(" - at `$`"))
    return Finding(keys, message[0].lower() + message[1:])


def _description(hint: Any) -> str:
    metas = [meta for arm in _arms(hint) for meta in getattr(arm, "__metadata__", ())]
    return next(
        (meta.description for meta in metas if isinstance(meta, msgspec.Meta) and meta.description), ""
    )


def _in_words(types: re.Match[str]) -> str:
    return " or ".join(_WORDS.get(word, word) for word in types[1].split(" | "))


def _nearest(word: str, choices: list[str]) -> str:
    close = get_close_matches(word, choices, n=1, cutoff=0.5)
    return f"did you mean `{close[0]}`?" if close else ""


def _choices(hint: Any) -> list[str]:
    if isinstance(hint, type) and issubclass(hint, Enum):
        return [str(member.value) for member in hint]
    return [str(word) for word in get_args(hint)] if get_origin(hint) is Literal else []
