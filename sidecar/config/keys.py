"""Keys: every setting by its dotted name, with its type and the environment variable that sets it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

import msgspec

from sidecar.config.model import Config

PREFIX: Final = "ASCEND_SIDECAR_"
_FLAGS: Final = {"bundle.source": "--bundle", "bundle.require": "--require-bundle"}


@dataclass(frozen=True, slots=True)
class Key:
    """One setting. `hint` is its annotation with constraints, `type` that without and without `| None`."""

    name: str
    section: type[msgspec.Struct]
    hint: Any
    type: Any
    is_optional: bool
    description: str

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(self.name.split("."))

    @property
    def env(self) -> str:
        """The key in capitals, dots as underscores."""
        return PREFIX + self.name.upper().replace(".", "_")

    @property
    def flag(self) -> str:
        return _FLAGS.get(self.name) or "--" + self.name.replace(".", "-").replace("_", "-")


def is_section(type_: Any) -> bool:
    return isinstance(type_, type) and issubclass(type_, msgspec.Struct)


def section_fields(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """The keys of one section, each with its type."""
    return {field.name: _bare(field.type) for field in msgspec.structs.fields(struct)}


def value_of(config: Config, key: Key) -> Any:
    value: Any = config
    for name in key.path:
        value = getattr(value, name)
    return value


def with_value(section: Any, path: tuple[str, ...], value: Any) -> Any:
    """The section with the value at `path` replaced; sections are frozen, so each on the way is a new one."""
    name, *rest = path
    inner = with_value(getattr(section, name), tuple(rest), value) if rest else value
    return msgspec.structs.replace(section, **{name: inner})


def _keys(struct: type[msgspec.Struct], prefix: str = "") -> Iterator[Key]:
    for field in msgspec.structs.fields(struct):
        name, type_ = prefix + field.name, _bare(field.type)
        if is_section(type_):
            yield from _keys(type_, f"{name}.")
        else:
            yield Key(
                name, struct, _constrained(field.type), type_, field.default is None, _description(field.type)
            )


def _description(hint: Any) -> str:
    return next((meta.description for meta in getattr(hint, "__metadata__", ()) if meta.description), "")


def _constrained(hint: Any) -> Any:
    """Without the description, which is for people who choose a value, not for those who mistyped one."""
    constraints = tuple(meta for meta in getattr(hint, "__metadata__", ()) if meta.description is None)
    plain = hint.__origin__ if hasattr(hint, "__metadata__") else hint
    return Annotated[(plain, *constraints)] if constraints else plain


def _bare(hint: Any) -> Any:
    if hasattr(hint, "__metadata__"):
        return _bare(hint.__origin__)
    if get_origin(hint) in {Union, UnionType}:
        return next(arm for arm in get_args(hint) if arm is not type(None))
    return hint


KEYS: Final[Mapping[str, Key]] = {key.name: key for key in _keys(Config)}
