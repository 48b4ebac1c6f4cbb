"""A trusted folder as the source of policies: `*.yaml`, `data/*.yaml` and `tests/*_test.yaml`."""

from collections.abc import Mapping
from pathlib import Path

from sidecar.core.errors import Diagnostic, MalformedBundle, Place

_PATTERNS = ("*.yaml", "data/*.yaml", "tests/*_test.yaml")
_MAX_FILES = 10_000
_MAX_BYTES = 64 * 1024 * 1024


class PoliciesDir:
    """Reads the folder anew at each `load`; nothing outside the three patterns is looked at."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = str(path)

    def load(self) -> Mapping[str, bytes]:
        """File name within the folder to its bytes. Raises MalformedBundle for what cannot be read or is too much."""
        if not self._path.is_dir():
            raise MalformedBundle(Diagnostic(Place(self.name), "there is no such folder of policies"))
        paths = [path for pattern in _PATTERNS for path in sorted(self._path.glob(pattern))]
        if not any(path.parent == self._path for path in paths):
            hint = "a policy is a file NAME.yaml right in the folder"
            raise MalformedBundle(Diagnostic(Place(self.name), "the folder holds no policies", hint))
        self._check_size(paths)
        return {path.relative_to(self._path).as_posix(): self._read(path) for path in paths}

    def _check_size(self, paths: list[Path]) -> None:
        if len(paths) > _MAX_FILES or sum(path.stat().st_size for path in paths) > _MAX_BYTES:
            message = f"at most {_MAX_FILES} files of together {_MAX_BYTES // 1024 // 1024} MiB are read"
            raise MalformedBundle(Diagnostic(Place(self.name), message))

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise MalformedBundle(
                Diagnostic(Place(str(path)), f"cannot be read: {error.strerror}")
            ) from error
