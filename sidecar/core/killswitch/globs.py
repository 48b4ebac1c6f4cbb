"""An index of globs by their literal beginnings: what a name is looked up by, however many globs there are."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeVar

import msgspec
from immutables import Map

from sidecar.core.killswitch.order import Order
from sidecar.core.policy.globs import Glob, compile_glob

K = TypeVar("K")
V = TypeVar("V")
_NONE: Final[tuple[Order, ...]] = ()
# Names whose halts are kept, and how long those may be.
_KEPT: Final = 4096
_KEPT_CHARS: Final = 200


class Globbed(msgspec.Struct, frozen=True):
    """A pattern with the halts that bear it."""

    glob: Glob
    orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True)
class GlobIndex:
    """By prefix, then by pattern. `lengths` counts the prefixes of each length, so that only those are tried.

    `found` keeps what was found for the names that asked, since the same agents ask again and again. It changes no
    answer, and each change of the index begins with none.
    """

    by_prefix: Map[str, Map[str, Globbed]] = field(default_factory=Map)
    lengths: Map[int, int] = field(default_factory=Map)
    found: dict[str, tuple[tuple[Order, ...], ...]] = field(default_factory=dict, repr=False)

    def __bool__(self) -> bool:
        return bool(self.by_prefix)

    def of(self, pattern: str) -> tuple[Order, ...]:
        """The halts of exactly this pattern."""
        found = self.by_prefix.get(compile_glob(pattern).prefix)
        globbed = found.get(pattern) if found else None
        return globbed.orders if globbed else _NONE

    def matching(self, name: str) -> tuple[tuple[Order, ...], ...]:
        """The halts of every pattern that the name, in NFC, matches."""
        known = self.found.get(name)
        if known is None:
            known = tuple(self._matching(name))
            if len(self.found) >= _KEPT:
                self.found.clear()
            if len(name) <= _KEPT_CHARS:
                self.found[name] = known
        return known

    def _matching(self, name: str) -> Iterator[tuple[Order, ...]]:
        for length in self.lengths:
            if length > len(name):
                continue
            for globbed in (self.by_prefix.get(name[:length]) or _EMPTY).values():
                if globbed.glob.matches(name):
                    yield globbed.orders

    def put(self, pattern: str, orders: tuple[Order, ...]) -> "GlobIndex":
        """With these as the halts of the pattern; none take it out."""
        glob = compile_glob(pattern)
        before = self.by_prefix.get(glob.prefix, _EMPTY)
        after = before.set(pattern, Globbed(glob, orders)) if orders else _dropped(before, pattern)
        if not after:
            return GlobIndex(_dropped(self.by_prefix, glob.prefix), self._counted(glob, before, after))
        return GlobIndex(self.by_prefix.set(glob.prefix, after), self._counted(glob, before, after))

    def _counted(self, glob: Glob, before: Map[str, Globbed], after: Map[str, Globbed]) -> Map[int, int]:
        change = bool(after) - bool(before)
        count = self.lengths.get(len(glob.prefix), 0) + change
        return (
            self.lengths.set(len(glob.prefix), count) if count else _dropped(self.lengths, len(glob.prefix))
        )


_EMPTY: Final[Map[str, Globbed]] = Map()


def _dropped(of: Map[K, V], key: K) -> Map[K, V]:
    return of.delete(key) if key in of else of
