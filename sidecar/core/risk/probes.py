"""Probes: each looks at one value of a request and adds the facts that it finds there, by number.

Whatever a caller says of itself can only add facts, and no fact lowers a score.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sidecar.core.model import JSON
from sidecar.core.risk.places import Places
from sidecar.core.risk.signs import Found, Sign, add

Probe = Callable[[JSON, Found], None]
MAX_LOOKED_AT: Final = 1000
MAX_DEPTH: Final = 32
_WEB: Final = ("http://", "https://", "ws://", "wss://")
_CONTAINERS: Final = frozenset({dict, list})
_NUMBERS: Final = frozenset({bool, int, float})
_NO: Final = frozenset({"", "0", "false", "low", "n/a", "no", "none", "null", "off"})


def flag(number: int) -> Probe:
    """Found unless the value is a clear no: false, 0, nothing, empty, or a word such as `no` or `low`."""

    def probe(value: JSON, found: Found) -> None:
        if value and not (isinstance(value, str) and value.strip().lower() in _NO):
            found.setdefault(number, "")

    return probe


def labels(signs: Mapping[str, list[Sign]]) -> Probe:
    """Found by a label, or a list of them, without regard to case."""

    def probe(value: JSON, found: Found) -> None:
        for label in texts(value):
            add(found, signs.get(label.strip().lower(), ()))

    return probe


def count(number: int, at_least: int) -> Probe:
    """Found by a number, or a list or mapping with as many entries, that is at least this."""

    def probe(value: JSON, found: Found) -> None:
        amount = _amount(value)
        if amount is not None and amount >= at_least:
            found.setdefault(number, f"{at_least:,}")

    return probe


def paths(places: Places, excess: Sequence[Sign]) -> Probe:
    """Found by the path, or by any of a list; `excess` are found when not all could be looked at."""

    def probe(value: JSON, found: Found) -> None:
        every = texts(value)
        for path in every[:MAX_LOOKED_AT]:
            places.path(path, found)
        if len(every) > MAX_LOOKED_AT:
            add(found, excess)

    return probe


def hosts(signs: Sequence[Sign], path: Probe) -> Probe:
    """Found by a part of the URL or host; what no web server answers is also a path, as in `unix:///run/x`."""

    def probe(value: JSON, found: Found) -> None:
        every = [text.lower() for text in texts(value)]
        for text in every:
            add(found, (sign for sign in signs if sign[1] in text))
        path([_without_scheme(text) for text in every if not text.startswith(_WEB)], found)

    return probe


def _without_scheme(url: str) -> str:
    return url if url.startswith("file:") else url.rpartition("://")[2]


class Scanner:
    """Gives every value of a mapping, at any depth, to the probes of its key; deeper than 32 is excess."""

    def __init__(self, probes: Mapping[str, tuple[Probe, ...]], excess: Sequence[Sign]) -> None:
        self._probes = probes
        self._excess = excess

    def scan(self, value: Mapping[str, JSON], found: Found, depth: int = 1) -> None:
        """Adds what the probes find, in the order of the mapping."""
        probes = self._probes
        for key, item in value.items():
            if key in probes:
                for probe in probes[key]:
                    probe(item, found)
            if type(item) in _CONTAINERS:
                self._inside(item, found, depth + 1)

    def _inside(self, value: JSON, found: Found, depth: int) -> None:
        if depth > MAX_DEPTH:
            add(found, self._excess)
        elif type(value) is dict:
            self.scan(value, found, depth)
        else:
            for item in value:
                if type(item) in _CONTAINERS:
                    self._inside(item, found, depth + 1)


def texts(value: JSON) -> list[str]:
    """The string, or the strings of a list; of anything else nothing."""
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _amount(value: JSON) -> float | None:
    if type(value) in _CONTAINERS:
        return len(value)
    if isinstance(value, str):
        return _number(value)
    return value if type(value) in _NUMBERS else None


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", "")) if len(text) <= 32 else None
    except ValueError:
        return None
