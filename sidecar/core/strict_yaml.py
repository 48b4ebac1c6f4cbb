"""Strict YAML: the JSON subset, read from parser events, with a place for every key and value.

YAML is read as JSON with comments. What makes two readers of one file disagree is refused with its place:
duplicate keys, anchors, aliases, merge keys, tags, numbers beyond 64 bits. Only `true`, `false` and `null`
(also `~` and nothing) are special words; `yes`, `on`, `0644`, `1_000` and dates stay strings.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import yaml

from sidecar.core.errors import Diagnostic, Place
from sidecar.core.model import JSON

_Event = Any  # the parser marks every event; its type stubs do not know

MAX_DEPTH: Final = 32
MAX_FINDINGS: Final = 100
_WORDS: Final[dict[str, JSON]] = {"true": True, "false": False, "null": None, "~": None, "": None}
_NONE: Final[Mapping[str | int, Any]] = MappingProxyType({})
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


@dataclass(slots=True)
class Node:
    """Where a value stands. Line and column count from 1; `start` and `end` are offsets into the text.

    `style` is that of a scalar: "" plain, else its quote or block indicator. `keys` are those of a mapping.
    """

    line: int
    column: int
    start: int
    end: int
    style: str = ""
    children: "Mapping[str | int, Node]" = field(default_factory=lambda: _NONE)
    keys: Mapping[str | int, tuple[int, int]] = field(default_factory=lambda: _NONE)


class Composer:
    """Turns the events of one file into values and nodes; findings are collected, not raised."""

    def __init__(self, path: str, text: str) -> None:
        self.findings: list[Diagnostic] = []
        self._path = path
        self._text = text
        self._loader = yaml.CSafeLoader(text)
        self._depth = 0

    def documents(self) -> Iterator[tuple[JSON, Node]]:
        """Value and node of each document; ends at the first syntax error, which is a finding."""
        try:
            event = self._next()
            while not isinstance(event, yaml.StreamEndEvent):
                if isinstance(event, yaml.DocumentStartEvent):
                    yield self._compose(self._next())
                event = self._next()
        except yaml.MarkedYAMLError as error:
            self._syntax(error)
        except yaml.reader.ReaderError as error:
            self._unprintable(int(error.character))
        finally:
            self._loader.dispose()

    def _next(self) -> _Event:
        return self._loader.get_event()

    def _compose(self, event: _Event) -> tuple[JSON, Node]:
        mark, end = event.start_mark, event.end_mark
        node = Node(mark.line + 1, mark.column + 1, mark.index, end.index)
        self._refuse_indirection(event, node)
        if isinstance(event, yaml.ScalarEvent):
            node.style = event.style or ""
            return self._scalar(event, node), node
        if isinstance(event, yaml.AliasEvent):
            return None, node
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem=f"nested deeper than {MAX_DEPTH}", problem_mark=mark)
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        value = self._mapping(node) if is_mapping else self._sequence(node)
        self._depth -= 1
        return value, node

    def _mapping(self, node: Node) -> dict[str, JSON]:
        value: dict[str, JSON] = {}
        keys: dict[str | int, tuple[int, int]] = {}
        children: dict[str | int, Node] = {}
        event = self._next()
        while not _ends(event):
            key = self._key(event, value)
            keys[key] = (event.start_mark.line + 1, event.start_mark.column + 1)
            value[key], children[key] = self._compose(self._next())
            event = self._next()
        node.keys, node.children, node.end = keys, children, event.end_mark.index
        return value

    def _key(self, event: _Event, seen: dict[str, JSON]) -> str:
        mark = event.start_mark
        if not isinstance(event, yaml.ScalarEvent):
            raise yaml.MarkedYAMLError(problem="a key must be a string", problem_mark=mark)
        self._refuse_indirection(event, Node(mark.line + 1, mark.column + 1, mark.index, mark.index))
        key: str = event.value
        if key == "<<" and not event.style:
            self._find(mark.line + 1, mark.column + 1, "merge keys are not allowed", "write the keys out")
        elif key in seen:
            self._find(mark.line + 1, mark.column + 1, f"duplicate key `{key}`", "keep one of them")
        return key

    def _sequence(self, node: Node) -> list[JSON]:
        items: list[JSON] = []
        children: dict[str | int, Node] = {}
        event = self._next()
        while not _ends(event):
            item, children[len(items)] = self._compose(event)
            items.append(item)
            event = self._next()
        node.children, node.end = children, event.end_mark.index
        return items

    def _scalar(self, event: yaml.ScalarEvent, node: Node) -> JSON:
        text: str = event.value
        if event.style:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if not _NUMBER.fullmatch(text):
            return text
        number = _number(text)
        if number is None:
            self._find(node.line, node.column, "number does not fit in 64 bits", "quote it if it is a name")
        return number

    def _refuse_indirection(self, event: _Event, node: Node) -> None:
        if event.anchor is not None:
            word = "aliases" if isinstance(event, yaml.AliasEvent) else "anchors"
            self._find(node.line, node.column, f"{word} are not allowed", "write the value out")
        tag = getattr(event, "tag", None)
        if tag is not None:
            self._find(node.line, node.column, f"tags such as `{tag}` are not allowed", "leave the tag out")

    def _syntax(self, error: yaml.MarkedYAMLError) -> None:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        self._find(line, column, f"not YAML: {error.problem or error.context}")

    def _unprintable(self, character: int) -> None:
        before = self._text.partition(chr(character))[0]
        column = len(before) - before.rfind("\n")
        self._find(before.count("\n") + 1, column, f"not YAML: character U+{character:04X} is not allowed")

    def _find(self, line: int, column: int, message: str, hint: str = "") -> None:
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(Diagnostic(Place(self._path, line, column), message, hint))


def _ends(event: _Event) -> bool:
    return isinstance(event, yaml.CollectionEndEvent)


def _number(text: str) -> int | float | None:
    """Integers keep 64 bits, signed, as CEL has them; None means out of range."""
    if _INTEGER.fullmatch(text):
        whole = int(text) if len(text) <= 20 else 1 << 64
        return whole if -(1 << 63) <= whole < 1 << 63 else None
    real = float(text)
    return real if math.isfinite(real) else None
