"""Document: what a person wrote, as JSON values that know their line and column.

A document of the wrong shape is refused whole, with every finding: file, line, column, what would be right.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from functools import reduce
from operator import getitem
from typing import Final, TypeVar

import msgspec

from sidecar.core.errors import Diagnostic, Place, SidecarError
from sidecar.core.model import JSON
from sidecar.core.scalar import offset_in_source
from sidecar.core.shape import Finding, Keys, findings
from sidecar.core.strict_yaml import MAX_FINDINGS, Composer, Node

MAX_BYTES: Final = 16 * 1024 * 1024
_PIECE: Final = 50
T = TypeVar("T")


class DocumentError(SidecarError):
    """A document does not parse or has the wrong shape. Carries every finding, at most 100."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__("\n".join(str(d) for d in diagnostics))
        self.diagnostics = diagnostics


class Document(ABC):
    """One document: its value (JSON types only), and where in it each key and value stands."""

    __slots__ = ("path", "value")

    def __init__(self, path: str, value: JSON) -> None:
        self.path = path
        self.value = value

    @abstractmethod
    def place(self, *keys: str | int) -> Place:
        """Where the value at this key path begins; for a path that is not there, its nearest ancestor."""

    @abstractmethod
    def key_place(self, *keys: str | int) -> Place:
        """Where the last key of this path stands; for a list item or a path that is not there, `place`."""

    @abstractmethod
    def inside(self, *keys: str | int, offset: int) -> Place:
        """Where character `offset` of the string at this key path stands."""

    def at(self, *keys: str | int) -> JSON:
        """The value at this key path. Raises KeyError, IndexError or TypeError where there is none."""
        return reduce(getitem, keys, self.value)

    def release(self) -> None:
        """Free what the document holds, piece by piece; it must not be used any more.

        Ten thousand rules freed at once hold the interpreter for 60 ms, which every other thread waits for.
        """
        if isinstance(self.value, dict):
            for part in self.value.values():
                while isinstance(part, list) and part:
                    del part[-_PIECE:]


class YamlDocument(Document):
    """What a person wrote: places are lines and columns, whatever the YAML style."""

    __slots__ = ("root", "text")

    def __init__(self, path: str, value: JSON, text: str, root: Node) -> None:
        super().__init__(path, value)
        self.text = text
        self.root = root

    def place(self, *keys: str | int) -> Place:
        node = self._node(keys)
        return Place(self.path, node.line, node.column)

    def key_place(self, *keys: str | int) -> Place:
        spot = self._node(keys[:-1]).keys.get(keys[-1]) if keys else None
        return Place(self.path, *spot) if spot else self.place(*keys)

    def inside(self, *keys: str | int, offset: int) -> Place:
        node = self._node(keys)
        source = self.text[node.start : node.end]
        before = source[: offset_in_source(source, node.style, self.at(*keys), offset)]
        if "\n" not in before:
            return Place(self.path, node.line, node.column + len(before))
        return Place(self.path, node.line + before.count("\n"), len(before) - before.rfind("\n"))

    def release(self) -> None:
        super().release()
        for node in self.root.children.values():
            children = node.children
            while isinstance(children, dict) and children:
                children.popitem()

    def _node(self, keys: Iterable[str | int]) -> Node:
        node = self.root
        for key in keys:
            child = node.children.get(key)
            if child is None:
                return node
            node = child
        return node


class JsonDocument(Document):
    """A document of a signed bundle: places are JSON Pointers (RFC 6901) into its file."""

    __slots__ = ("_within",)

    def __init__(self, path: str, value: JSON, within: Keys = ()) -> None:
        super().__init__(path, value)
        self._within = within

    def place(self, *keys: str | int) -> Place:
        tokens = (str(key).replace("~", "~0").replace("/", "~1") for key in (*self._within, *keys))
        return Place(self.path, pointer="".join(f"/{token}" for token in tokens))

    def key_place(self, *keys: str | int) -> Place:
        return self.place(*keys)

    def inside(self, *keys: str | int, offset: int) -> Place:
        return replace(self.place(*keys), column=offset + 1)


def parse_documents(path: str, raw: bytes) -> tuple[Document, ...]:
    """The documents of one YAML file, at most 16 MiB and 32 levels deep. Raises DocumentError."""
    text = _decode(path, raw)
    composer = Composer(path, text)
    documents = tuple(YamlDocument(path, value, text, root) for value, root in composer.documents())
    if composer.findings:
        raise DocumentError(*composer.findings)
    return documents


def read(document: Document, type_: type[T], *keys: str | int) -> T:
    """The document, or the part of it at `keys`, as `type_` (a Struct that forbids unknown fields).

    Raises DocumentError with the place of every finding.
    """
    value = document.at(*keys)
    try:
        return msgspec.convert(value, type_, strict=True)
    except msgspec.ValidationError as error:
        found = list(findings(value, type_, keys))
        raise DocumentError(*_place(document, found)) from error


def _place(document: Document, found: list[Finding]) -> list[Diagnostic]:
    diagnostics = [
        Diagnostic(_spot(document, finding.keys, on_key=finding.on_key), finding.message, finding.hint)
        for finding in found[:MAX_FINDINGS]
    ]
    return sorted(diagnostics, key=lambda d: (d.place.line, d.place.column))


def _spot(document: Document, keys: Keys, *, on_key: bool) -> Place:
    return document.key_place(*keys) if on_key else document.place(*keys)


def _decode(path: str, raw: bytes) -> str:
    if len(raw) > MAX_BYTES:
        raise DocumentError(Diagnostic(Place(path), f"larger than {MAX_BYTES} bytes"))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DocumentError(Diagnostic(Place(path, line), "not UTF-8")) from error
