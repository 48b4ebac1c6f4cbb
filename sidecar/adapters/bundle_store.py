"""The bundle between two runs: `bundle/active.dsse`, `bundle/looked.json` and `floor.json` in the state folder.

Every file is written whole beside its place, synced and renamed, so that at any kill the old one or the new one is
there. The floor stands outside the cache: who deletes `bundle/` loses no more than a download.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from sidecar.core.bundle import Floor
from sidecar.core.errors import StoreError
from sidecar.service.ports import Kept

_MOST: Final = 1 << 30
_SMALL: Final = 1 << 20


class _Looked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    checked_at: float
    changed_at: float


class StoredBundle:
    """The BundleStore of a state folder. The daemon that holds the folder's lock is its only user."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "bundle"
        self._active = self._folder / "active.dsse"
        self._looked = self._folder / "looked.json"
        self._floor = state / "floor.json"

    def load(self) -> Kept | None:
        raw = _read(self._active, _MOST)
        if raw is None:
            return None
        looked = self._times()
        return Kept(raw, looked.checked_at, looked.changed_at)

    def save(self, raw: bytes) -> None:
        _replace(self._active, raw)

    def note(self, checked_at: float, changed_at: float) -> None:
        _replace(self._looked, msgspec.json.encode(_Looked(checked_at, changed_at)))

    def quarantine(self) -> None:
        """`active.dsse` becomes `quarantined.dsse`, over an earlier one. Raises StoreError."""
        with _translated(self._active):
            self._active.replace(self._folder / "quarantined.dsse")

    def floor(self, name: str) -> Floor:
        return self._floors().get(name, Floor())

    def set_floor(self, name: str, floor: Floor) -> None:
        floors = self._floors()
        if floors.get(name) != floor:
            _replace(self._floor, msgspec.json.encode(floors | {name: floor}))

    def _floors(self) -> dict[str, Floor]:
        raw = _read(self._floor, _SMALL)
        if raw is None:
            return {}
        try:
            return msgspec.json.decode(raw, type=dict[str, Floor])
        except msgspec.MsgspecError as error:
            # A floor that is guessed lower would let an old bundle in: only a person may decide that.
            hint = "restore it, or delete it to accept any revision"
            raise StoreError(f"{self._floor}: cannot be read: {error} ({hint})") from error

    def _times(self) -> _Looked:
        """Unreadable times are unknown ones; the reader then counts from when the bundle was issued."""
        try:
            return msgspec.json.decode(_read(self._looked, _SMALL) or b"", type=_Looked)
        except (msgspec.MsgspecError, StoreError):
            return _Looked(0.0, 0.0)


def _read(path: Path, limit: int) -> bytes | None:
    with _translated(path):
        try:
            with path.open("rb") as file:
                raw = file.read(limit + 1)
        except FileNotFoundError:
            return None
    if len(raw) > limit:
        raise StoreError(f"{path}: larger than {limit} bytes")
    return raw


def _replace(path: Path, raw: bytes) -> None:
    temporary = path.with_name(f"{path.name}.new")
    with _translated(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """A rename is on disk once its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error
