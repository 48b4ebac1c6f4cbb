"""Data: the stored documents of a bundle, which conditions reach by name and key."""

from collections.abc import Mapping
from typing import Final

from sidecar.core.model import JSON


class _NoEntry:
    """What CEL cannot take: a look-up that yields it is an error of the condition.

    Raising would be one too, but the CEL package logs what its functions raise, and a key may be a secret.
    """


_NO_ENTRY: Final = _NoEntry()
_NOTHING: Final[Mapping[str, JSON]] = {}


class Data:
    """Documents by name, each a mapping from key to entry. Never copied into a CEL context as a whole.

    `functions` are those that conditions reach them by.
    """

    __slots__ = ("_documents", "functions")

    def __init__(self, documents: Mapping[str, Mapping[str, JSON]]) -> None:
        self._documents = documents
        self.functions = {"lookup": self.lookup, "known": self.known}

    @property
    def documents(self) -> Mapping[str, Mapping[str, JSON]]:
        """All of them, for whoever looks at a bundle as a whole."""
        return self._documents

    @property
    def names(self) -> list[str]:
        return list(self._documents)

    def lookup(self, document: JSON, key: JSON) -> JSON:
        """The entry; in a condition an absent document or key, or one that is no string, is an error."""
        return self._entries(document).get(key, _NO_ENTRY) if isinstance(key, str) else _NO_ENTRY

    def known(self, document: JSON, key: JSON) -> JSON:
        """Whether there is such an entry; an absent document or a key that is no string is an error."""
        if not isinstance(key, str) or not self._has(document):
            return _NO_ENTRY
        return key in self._documents[document]

    def _has(self, document: JSON) -> bool:
        return isinstance(document, str) and document in self._documents

    def _entries(self, document: JSON) -> Mapping[str, JSON]:
        return self._documents[document] if self._has(document) else _NOTHING
