"""Where everything of a log lies under the state folder."""

from dataclasses import dataclass
from pathlib import Path

from sidecar.core.merkle import HASH_BYTES
from sidecar.core.tiles import WIDTH as TILE_WIDTH
from sidecar.core.tiles import ReadTile, tile_path

_SUFFIX = ".jsonl"
_DIGITS = 20


@dataclass(frozen=True, slots=True)
class Segment:
    """A file of whole lines; the first is record `first`. The live one may end in zeros."""

    first: int
    path: Path


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths under one state folder."""

    state: Path

    @property
    def audit(self) -> Path:
        return self.state / "audit"

    @property
    def vkey(self) -> Path:
        """The public key that checks this log, as a C2SP verifier key."""
        return self.audit / "vkey"

    @property
    def checkpoint(self) -> Path:
        """The newest checkpoint."""
        return self.audit / "checkpoint"

    @property
    def checkpoints(self) -> Path:
        """A checkpoint for every sealed segment, each named by its size."""
        return self.audit / "checkpoints"

    @property
    def tiles(self) -> Path:
        return self.audit / "tile"

    @property
    def prepared(self) -> Path:
        """The next segment, all zeros."""
        return self.audit / "prepared"

    @property
    def log_key(self) -> Path:
        return self.state / "keys" / "log.pem"

    @property
    def masking_key(self) -> Path:
        return self.state / "keys" / "masking"

    def segment(self, first: int) -> Segment:
        return Segment(first, self.audit / f"{first:0{_DIGITS}d}{_SUFFIX}")

    def kept_checkpoint(self, size: int) -> Path:
        return self.checkpoints / f"{size:0{_DIGITS}d}"

    def cut_files(self, seq: int) -> list[Path]:
        """Files of bytes that recovery cut off; record `seq` tells of them."""
        return sorted(self.audit.glob(f"cut-{seq:0{_DIGITS}d}*"))

    def all_cut_files(self) -> list[Path]:
        return sorted(path for path in self.audit.glob("cut-*-*") if path.name.split("-")[1].isdecimal())

    def cut_seq(self, path: Path) -> int:
        """The number of the record that tells of a file of cut bytes."""
        return int(path.name.split("-")[1])

    def new_cut_file(self, seq: int) -> Path:
        """Where to keep what is cut off before record `seq` is written."""
        return self.audit / f"cut-{seq:0{_DIGITS}d}-{len(self.cut_files(seq))}"

    def new_fork(self, size: int) -> Path:
        """Where to keep what a log had beyond its first `size` records, when it begins anew there."""
        name = f"fork-{size:0{_DIGITS}d}"
        return self.audit / f"{name}-{len(list(self.audit.glob(name + '*')))}"

    def tile(self, level: int, index: int, width: int) -> Path:
        return self.audit / tile_path(level, index, width)

    def segments(self) -> list[Segment]:
        """All segments, oldest first."""
        names = (path.name for path in self.audit.glob(f"*{_SUFFIX}"))
        firsts = sorted(int(name[:-6]) for name in names if name[:-6].isdecimal())
        return [self.segment(first) for first in firsts]

    def kept_checkpoints(self) -> list[Path]:
        """The checkpoints of sealed segments, smallest first."""
        return sorted(path for path in self.checkpoints.glob("*") if path.name.isdecimal())


def tile_reader(layout: Layout) -> ReadTile:
    """Reads tiles from files; a partial one is the beginning of the full one. Raises OSError."""

    def read(level: int, index: int, width: int) -> bytes:
        wanted = width * HASH_BYTES
        for path in (layout.tile(level, index, width), layout.tile(level, index, TILE_WIDTH)):
            if path.is_file():
                hashes = path.read_bytes()
                if len(hashes) >= wanted:
                    return hashes[:wanted]
        raise FileNotFoundError(f"{layout.tile(level, index, width)} is missing or too short")

    return read
