"""Credentials: a key in a file is read again when the file changes, so that replacing it is enough to rotate it."""

import asyncio
import re
from pathlib import Path
from typing import Final

from sidecar.adapters.platform_http.settings import Credential
from sidecar.core.errors import SidecarError
from sidecar.core.secret import Secret

_MAX_BYTES: Final = 4096
_TEXT: Final = re.compile(r"[!-~]{1,1024}")
_Version = tuple[int, int, int]


class UnusableCredential(SidecarError):
    """There is no key to send. The text never repeats what the file holds."""


class Rotating:
    """One secret. `what` names it in errors."""

    def __init__(self, credential: Credential, what: str) -> None:
        """Raises ValueError for a text that cannot be sent; a file is first looked at when it is needed."""
        self._what = what
        self._path = credential if isinstance(credential, Path) else None
        self._text = self._checked(credential.text) if isinstance(credential, Secret) else ""
        self._version: _Version | None = None

    async def current(self) -> str:
        """Raises UnusableCredential."""
        if self._path is not None:
            version = self._stat(self._path)
            if version != self._version:
                await self._read(self._path, version)
        return self._text

    async def is_renewed(self) -> bool:
        """Whether a look at the file, whatever its times say, finds another secret. Raises UnusableCredential."""
        if self._path is None:
            return False
        before = self._text
        await self._read(self._path, self._stat(self._path))
        return self._text != before

    def _stat(self, path: Path) -> _Version:
        try:
            found = path.stat()
        except OSError as error:
            raise self._unreadable(error) from error
        return found.st_mtime_ns, found.st_ino, found.st_size

    async def _read(self, path: Path, version: _Version) -> None:
        try:
            raw = await asyncio.to_thread(_read_some, path)
        except OSError as error:
            raise self._unreadable(error) from error
        try:
            self._text, self._version = self._checked(raw.decode("latin-1").strip()), version
        except ValueError as error:
            raise UnusableCredential(f"{path}: {error}") from error

    def _checked(self, text: str) -> str:
        if not _TEXT.fullmatch(text):
            raise ValueError(f"{self._what} is not one word of printable ASCII")
        return text

    def _unreadable(self, error: OSError) -> UnusableCredential:
        return UnusableCredential(f"{self._path}: {self._what} cannot be read: {error.strerror}")


def _read_some(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MAX_BYTES)
