"""Commands whose options are words, paths and switches, and cost the process no library that converts them.

typer converts with pydantic, which is 7 MB that a daemon would carry for all its life. What else an option promises,
such as a range, is not checked here.
"""

from pathlib import Path
from typing import Any, Final, get_args

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption


class PlainCommand(TyperCommand):
    """A verb that takes words, paths and switches, one each."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _spare_converters(super().get_params(ctx))


class PlainGroup(TyperGroup):
    """Nouns or verbs under options of that kind."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _spare_converters(super().get_params(ctx))


class _Converter:
    """In the place of typer's own; `coerce` is called by it."""

    def __init__(self, kind: type[str] | type[Path]) -> None:
        self._kind = kind

    def coerce(self, value: str | bool | None, **_where: object) -> str | bool | Path | None:
        """What was typed, in its type; a switch, and what was not typed, as it is."""
        return self._kind(value) if isinstance(value, str) else value


_WORD: Final[Any] = _Converter(str)
_PATH: Final[Any] = _Converter(Path)


def _spare_converters(parameters: list[Any]) -> list[Any]:
    for parameter in parameters:
        if isinstance(parameter, TyperOption | TyperArgument):
            kind = parameter.type_descriptor.annotation
            is_path = Path in (kind, *get_args(kind))
            parameter._runtime_param = _PATH if is_path else _WORD  # noqa: SLF001 - typer asks nobody else
    return parameters
