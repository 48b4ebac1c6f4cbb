"""The stored tree: tiles and checkpoints on the disk, compared with a tree that is grown anew from the leaves."""

from dataclasses import dataclass

from sidecar.adapters.audit_files.layout import Layout
from sidecar.core.checkpoint import Checkpoint, verify_checkpoint
from sidecar.core.note import NoteError, VerifierKey
from sidecar.core.tiles import WIDTH, Tile, TileTree


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong: in which file, and the first record it concerns, where there is one."""

    where: str
    message: str
    seq: int | None = None

    def __str__(self) -> str:
        return f"{self.where}: " + (f"record {self.seq} " if self.seq is not None else "") + self.message


class StoredTree:
    """Grow it leaf by leaf, then `finish`; `findings` is what does not fit. Raises OSError."""

    def __init__(self, layout: Layout, key: VerifierKey) -> None:
        self._layout = layout
        self._key = key
        self._tree = TileTree()
        self._expected: dict[int, list[tuple[Checkpoint, str]]] = {}
        self._newest = b""
        self.signed = 0
        self.findings: list[Finding] = []

    def load(self) -> None:
        """Read the stored checkpoints; `signed` is the size that the newest speaks of."""
        for path in self._layout.kept_checkpoints():
            kept = self.expect(path.read_bytes(), f"checkpoints/{path.name}")
            if kept and path != self._layout.kept_checkpoint(kept.size):
                self._find(f"checkpoints/{path.name}", f"is the checkpoint of {kept.size} records")
        try:
            self._newest = self._layout.checkpoint.read_bytes()
        except FileNotFoundError:
            self._find("checkpoint", "is missing")
            return
        newest = self.expect(self._newest, "checkpoint")
        self.signed = newest.size if newest else 0

    def expect(self, raw: bytes, where: str) -> Checkpoint | None:
        """Have a checkpoint compared with the tree of its size; None if it is none of this log."""
        try:
            checkpoint = verify_checkpoint(raw, self._key)
        except NoteError as error:
            self._find(where, str(error))
            return None
        self._expected.setdefault(checkpoint.size, []).append((checkpoint, where))
        return checkpoint

    def grow(self, leaf: bytes) -> None:
        """One more leaf."""
        tree = self._tree
        tree.append(leaf)
        if tree.size % WIDTH == 0:
            self._compare_tiles([tile for tile in tree.take_full() if tile.end <= self.signed])
        if tree.size == self.signed:
            self._compare_tiles(tree.partials())
        if tree.size in self._expected:
            self._compare_roots()

    def finish(self) -> None:
        """Every checkpoint must have been reached."""
        for size in sorted(self._expected):
            for checkpoint, where in self._expected[size] if size > self._tree.size else ():
                lost = (
                    f"speaks of {checkpoint.size} records, the log has {self._tree.size}: its end was cut off"
                )
                self._find(where, lost, self._tree.size)

    def _compare_roots(self) -> None:
        root = self._tree.root()
        for checkpoint, where in self._expected[self._tree.size]:
            if checkpoint.root != root:
                self._find(
                    where, "and those before it are not what this checkpoint speaks of", self._tree.size - 1
                )

    def _compare_tiles(self, tiles: list[Tile]) -> None:
        for tile in tiles:
            path = self._layout.audit / tile.path
            stored = path.read_bytes() if path.is_file() else None
            if stored != tile.hashes and not (stored is None and self._moved_on()):
                wrong = "is missing" if stored is None else "does not fit the records"
                self._find(tile.path, wrong, None)

    def _moved_on(self) -> bool:
        """Whether a running daemon has replaced the checkpoint, and with it the partial tiles."""
        return self._layout.checkpoint.read_bytes() != self._newest

    def _find(self, where: str, message: str, seq: int | None = None) -> None:
        self.findings.append(Finding(where, message, seq))
