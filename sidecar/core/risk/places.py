"""Places: which paths and hosts are sensitive, and to which facts that leads.

A path is tried as it was written and normalised, without regard to case, since either may be what is meant.
"""

from collections.abc import Iterable
from typing import Final

from sidecar.core.paths import normalise
from sidecar.core.risk.signs import Found, add, by_text
from sidecar.core.risk.table import FactRow, PathSigns

_NONE: Final = PathSigns()


class Places:
    """The path and host signs of all facts, by the fact's number in the table."""

    def __init__(self, facts: Iterable[FactRow]) -> None:
        signs = [(number, fact.paths or _NONE) for number, fact in enumerate(facts)]
        names = [(n, name.lower()) for n, sign in signs for name in sign.names]
        self._under = [(f"{d.lower()}/", (n, d)) for n, sign in signs for d in sign.under]
        self._roots = tuple(root for root, _ in self._under)
        self._within = by_text((n, name) for n, sign in signs for name in sign.within)
        self._named = by_text((n, name) for n, name in names if "*" not in name)
        self._ends = [(name[1:], (n, name)) for n, name in names if name.startswith("*")]
        self._starts = [(name[:-1], (n, name)) for n, name in names if name.endswith("*")]
        self._end = tuple(end for end, _ in self._ends)
        self._start = tuple(start for start, _ in self._starts)
        self._fragments = [(f"/{f.lower()}/", (n, f)) for n, sign in signs for f in sign.fragments]
        self._first = frozenset(fragment.split("/")[1] for fragment, _ in self._fragments)
        self._texts = [(text.lower(), (n, text)) for n, sign in signs for text in sign.contains]

    def path(self, path: str, found: Found) -> None:
        """Adds what this path is under, within or called."""
        self._look(path, found)
        plain = normalise(path)
        if plain != path:
            self._look(plain, found)

    def _look(self, path: str, found: Found) -> None:
        low = path.lower()
        if "\\" in low:
            low = low.replace("\\", "/")
        whole = f"/{low}/"
        if whole.startswith(self._roots, 1):
            add(found, (sign for root, sign in self._under if whole.startswith(root, 1)))
        parts = low.split("/")
        if not self._within.keys().isdisjoint(parts):
            add(found, (sign for part in parts for sign in self._within.get(part, ())))
        self._last(parts[-1], found)
        if not self._first.isdisjoint(parts):
            add(found, (sign for fragment, sign in self._fragments if fragment in whole))
        for text, sign in self._texts:
            if text in low:
                found.setdefault(*sign)

    def _last(self, name: str, found: Found) -> None:
        if name in self._named:
            add(found, self._named[name])
        if name.endswith(self._end):
            add(found, (sign for end, sign in self._ends if name.endswith(end)))
        if name.startswith(self._start):
            add(found, (sign for start, sign in self._starts if name.startswith(start)))
