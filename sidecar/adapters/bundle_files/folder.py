"""A trusted folder as the source of policies: `*.yaml`, `data/*.yaml` and `tests/*_test.yaml`."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from sidecar.adapters.bundle_files.seen import Sight, read_seen, see
from sidecar.adapters.bundle_files.watched import WatchedFiles
from sidecar.core.errors import BundleError, BundleTooLarge, Diagnostic, MalformedBundle, Place, SourceRefused
from sidecar.service.ports import Fetched

_ENDINGS: Final = {"": ".yaml", "data": ".yaml", "tests": "_test.yaml"}
_MAX_FILES: Final = 10_000
_MAX_SIZE: Final = 64 * 1024 * 1024


class BundleDir:
    """The port BundleSource, and `load` for those without a loop. Nothing outside the three patterns is looked at."""

    def __init__(self, path: Path, *, max_size: int = _MAX_SIZE) -> None:
        """At most `max_size` bytes are read of all files together."""
        self.name = str(path)
        self._path = path
        self._max_size = max_size
        self._watched = WatchedFiles(self.name, self._look, self._read)

    async def fetch(self, tag: str | None, wait: float) -> Fetched | None:
        """As the port says."""
        return await self._watched.fetch(tag, wait)

    async def close(self) -> None:
        """Nothing is held open between two fetches."""

    def load(self) -> Mapping[str, bytes]:
        """File name within the folder to its bytes. Raises MalformedBundle for what cannot be read or is too much."""
        try:
            return self._read(self._look())
        except OSError as error:
            place = Place(str(error.filename or self.name))
            raise MalformedBundle(Diagnostic(place, f"cannot be read: {error.strerror}")) from error
        except MalformedBundle:
            raise
        except BundleError as error:
            sentence = str(error).removeprefix(f"{self.name}: ")
            raise MalformedBundle(Diagnostic(Place(self.name), sentence)) from error

    def _look(self) -> Sight:
        taken = time.time_ns()
        if not self._path.is_dir():
            raise SourceRefused(f"{self.name}: there is no such folder of policies")
        paths = [path for folder, ending in _ENDINGS.items() for path in self._listed(folder, ending)]
        if not any(path.parent == self._path for path in paths):
            hint = "a policy is a file NAME.yaml right in the folder"
            raise MalformedBundle(Diagnostic(Place(self.name), "the folder holds no policies", hint))
        if len(paths) > _MAX_FILES:
            raise BundleTooLarge(f"{self.name}: at most {_MAX_FILES} files are read")
        return Sight(tuple(see(path.relative_to(self._path).as_posix(), path) for path in paths), taken)

    def _listed(self, folder: str, ending: str) -> Iterator[Path]:
        """The files of one pattern. A folder that must not be listed is an OSError, not an empty one."""
        path = self._path / folder
        if path.is_dir():
            yield from sorted(one for one in path.iterdir() if one.name.endswith(ending))

    def _read(self, sight: Sight) -> Mapping[str, bytes]:
        files: dict[str, bytes] = {}
        left = self._max_size
        for seen in sight.files:
            raw = read_seen(seen, left)
            if raw is None:
                raise BundleTooLarge(
                    f"{self.name}: at most {self._max_size} bytes are read of all files together"
                )
            files[_text(seen.name, seen.path)] = raw
            left -= len(raw)
        return files


def _text(name: str, path: Path) -> str:
    """Names become part of records and digests, so they must be text."""
    if name.isprintable():
        return name
    raise MalformedBundle(Diagnostic(Place(ascii(str(path))), "the name of a file must be printable text"))
