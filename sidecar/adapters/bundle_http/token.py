"""The bearer token, read from its file each time, so that a file that is replaced is enough to rotate it."""

import re
from pathlib import Path
from typing import Final

from sidecar.core.errors import SourceRefused

_MAX_TOKEN: Final = 16 * 1024
# RFC 6750 section 2.1.
_TOKEN: Final = re.compile(r"[A-Za-z0-9\-._~+/]+=*")


def read_token(path: Path, name: str) -> str:
    """Raises SourceRefused, which never repeats what the file holds. `name` is that of the source."""
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_TOKEN + 1)
    except OSError as error:
        raise SourceRefused(f"{name}: the token file {path} cannot be read: {error.strerror}") from error
    token = raw.decode("latin-1").strip()
    if len(raw) > _MAX_TOKEN or not _TOKEN.fullmatch(token):
        raise SourceRefused(f"{name}: the token file {path} does not hold one bearer token")
    return token
