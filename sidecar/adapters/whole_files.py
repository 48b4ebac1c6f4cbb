"""Files of the command line that are written whole or not at all: envelopes, and keys that are made once."""

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sidecar.core.errors import SidecarError

_PRIVATE: Final = 0o600
_PUBLIC: Final = 0o644
_PATIENCE: Final = 10.0
_AGAIN: Final = 0.02


class CannotWrite(SidecarError):
    """The file system's or the operator's fault. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class WholeFile:
    """A place that signed files are put at."""

    name: str

    def read(self, most: int) -> tuple[bytes, str] | None:
        """At most one byte more than `most`, and no mark; None if there is no file. Raises CannotWrite."""
        with _translated(Path(self.name)):
            try:
                with Path(self.name).open("rb") as file:
                    return file.read(most + 1), ""
            except FileNotFoundError:
                return None

    def write(self, raw: bytes, mark: str | None, *, guarded: bool) -> None:  # noqa: ARG002 - files have no marks
        """Raises CannotWrite."""
        replace_file(Path(self.name), raw)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Whoever else asks for this, for any file of the folder, waits: ten seconds, then CannotWrite is raised.

        The folder is locked, and not the file, which is another one after each change.
        """
        path = Path(self.name)
        with _translated(path):
            descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _lock(descriptor, path)
            yield
        finally:
            os.close(descriptor)


def make_file(path: Path, raw: bytes, *, private: bool) -> None:
    """A file that is not there yet, readable by its owner alone if `private`. Raises CannotWrite."""
    with _translated(path):
        _write(path, raw, _PRIVATE if private else _PUBLIC)
        _sync_folder(path.parent)


def replace_file(path: Path, raw: bytes) -> None:
    """After a crash it is the old file or the new one. Raises CannotWrite."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    with _translated(path):
        try:
            _write(draft, raw, _PUBLIC)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        _sync_folder(path.parent)


def _write(path: Path, raw: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > end:
                raise CannotWrite(f"{path} is being changed by somebody else all the time") from error
            time.sleep(_AGAIN)
        except OSError as error:
            raise CannotWrite(f"{path} cannot be locked: {error.strerror}") from error
        else:
            return


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise CannotWrite(f"{path} is there already, and is never overwritten") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CannotWrite(f"{path} cannot be written: {reason}") from error
