"""One file that holds a signed bundle, as it is or as gzip."""

import time
from pathlib import Path

from sidecar.adapters.bundle_files.seen import Sight, read_seen, see
from sidecar.adapters.bundle_files.watched import WatchedFiles
from sidecar.core.errors import BundleTooLarge
from sidecar.core.inflate import Inflater
from sidecar.service.ports import Fetched


class BundleFile:
    """The port BundleSource. A file that is replaced or written anew is seen within a second of a waiting fetch."""

    def __init__(self, path: Path, *, max_download: int, max_size: int) -> None:
        """At most `max_download` bytes are read from the file, and at most `max_size` made of them."""
        self.name = str(path)
        self._path = path
        self._max_download = max_download
        self._max_size = max_size
        self._watched = WatchedFiles(self.name, self._look, self._read)

    async def fetch(self, tag: str | None, wait: float) -> Fetched | None:
        """As the port says."""
        return await self._watched.fetch(tag, wait)

    async def close(self) -> None:
        """Nothing is held open between two fetches."""

    def _look(self) -> Sight:
        taken = time.time_ns()
        return Sight((see("", self._path),), taken)

    def _read(self, sight: Sight) -> bytes:
        (seen,) = sight.files
        raw = read_seen(seen, self._max_download)
        if raw is None:
            raise BundleTooLarge(f"{self.name}: at most {self._max_download} bytes are read")
        inflater = Inflater(self.name, self._max_download, self._max_size)
        inflater.take(raw)
        return inflater.finish()
