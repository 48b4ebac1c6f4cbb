"""The leaves of the tree as the tiles have them: what remains of records that are no longer kept."""

from collections.abc import Iterator
from pathlib import Path

from sidecar.adapters.audit_files.layout import Layout
from sidecar.core.merkle import HASH_BYTES
from sidecar.core.tiles import WIDTH


class LeavesOnDisk:
    """Leaf hashes by number, out of full or partial tiles; reads each tile once when asked in order."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._index = -1
        self._hashes = b""

    def get(self, seq: int) -> bytes | None:
        """The leaf of record `seq`; None if no tile has it. Raises OSError."""
        if seq // WIDTH != self._index:
            self._index = seq // WIDTH
            self._hashes = max((path.read_bytes() for path in self._files()), key=len, default=b"")
        at = seq % WIDTH * HASH_BYTES
        return self._hashes[at : at + HASH_BYTES] or None

    def _files(self) -> Iterator[Path]:
        full = self._layout.tile(0, self._index, WIDTH)
        if full.is_file():
            yield full
        partials = full.with_name(full.name + ".p").glob("*")
        yield from (path for path in partials if path.name.isdecimal())
