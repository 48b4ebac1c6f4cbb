"""Settings: one key as somebody set it, and how what they wrote becomes a value of the key's type."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from sidecar.config.keys import Key
from sidecar.config.units import UNITS, Unit
from sidecar.core.errors import ConfigError, Diagnostic, Place
from sidecar.core.model import JSON
from sidecar.core.shape import findings as shape_findings

_TRUTHS: Final = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Setting:
    """`value` is still what they wrote: what JSON has, units as strings."""

    key: Key
    value: JSON
    place: Place


class Findings:
    """What is wrong with the settings so far, so that the operator sees all of it at once."""

    def __init__(self) -> None:
        self._found: list[Diagnostic] = []

    def add(self, place: Place, message: str, hint: str = "") -> None:
        self._found.append(Diagnostic(place, message, hint))

    def settle(self) -> None:
        """Raises ConfigError if anything was found."""
        if self._found:
            raise ConfigError(*self._found)


def plain(text: str, type_: Any) -> JSON:
    """Text as the JSON value that a file would hold: numbers in decimal, lists separated by commas."""
    if type_ is int and text.isascii() and text.isdecimal():
        return int(text[:19])
    if type_ is bool and text in _TRUTHS:
        return _TRUTHS[text]
    if type_ == tuple[str, ...]:
        return [item.strip() for item in text.split(",")]
    return text


def typed(settings: Iterable[Setting], findings: Findings) -> Iterator[tuple[Setting, Any]]:
    """Each setting with its value as its key's type; one that has no such value becomes a finding."""
    for setting in settings:
        unit = UNITS.get(setting.key.type)
        try:
            value = (
                _measured(setting.key, unit, setting.value) if unit else _shaped(setting.key, setting.value)
            )
            yield setting, value
        except ValueError as error:
            findings.add(setting.place, f"{setting.key.name}: {error}")


def _measured(key: Key, unit: Unit, value: JSON) -> Any:
    if value is None and key.is_optional:
        return None
    if not isinstance(value, str):
        raise ValueError(f"a string is needed, such as {' or '.join(unit.examples)}")  # noqa: TRY004 - a finding
    return unit.parse(value)


def _shaped(key: Key, value: JSON) -> Any:
    for finding in shape_findings(value, key.hint):
        raise ValueError(finding.message + (f" ({finding.hint})" if finding.hint else ""))
    return msgspec.convert(value, key.hint)
