"""Seen: what the file system tells of files without reading them, and reading what was seen."""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from sidecar.core.errors import SourceRefused


@dataclass(frozen=True, slots=True)
class Seen:
    """One file at one moment. A link stands for what it points to, so a link that is turned is a change."""

    name: str
    path: Path
    size: int
    changed: int
    inode: tuple[int, int]
    modified: int


@dataclass(frozen=True, slots=True)
class Sight:
    """All files of a source at one moment. Two sights that are equal were of the same bytes, if they are not young.

    `taken` and `Seen.changed` are nanoseconds of wall time.
    """

    files: tuple[Seen, ...]
    taken: int

    @property
    def tag(self) -> str:
        """The mark of what was seen."""
        told = repr([(one.name, one.size, one.inode, one.modified, one.changed) for one in self.files])
        return hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()

    def is_young(self, within: int) -> bool:
        """Whether a file changed so shortly before that another change could bear the same time."""
        return any(abs(self.taken - one.changed) < within for one in self.files)


def see(name: str, path: Path) -> Seen:
    """Raises OSError when there is no such file, and SourceRefused when it is no file that can be read to its end."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise SourceRefused(f"{path}: this is not a regular file")
    inode = (found.st_dev, found.st_ino)
    return Seen(name, path, found.st_size, found.st_ctime_ns, inode, found.st_mtime_ns)


def read_seen(seen: Seen, most: int) -> bytes | None:
    """The bytes of a file; None if they are more than `most`. Raises OSError."""
    # A pipe that took the file's place must not make us wait for its writer.
    descriptor = os.open(seen.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        raw = file.read(most + 1)
    return raw if len(raw) <= most else None
