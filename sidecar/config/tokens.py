"""Tokens: who may ask over TCP. The file has digests only, so that reading it makes nobody able to ask."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sidecar.config.sources import read_file
from sidecar.core.errors import ConfigError, Diagnostic, Place

_LINE: Final = re.compile(r"([A-Za-z0-9_.@-]{1,64}):([0-9a-f]{64})")


def read_tokens(path: Path) -> Mapping[str, str]:
    """Token ids by the hex SHA-256 of their tokens. Raises ConfigError with the place of every finding."""
    return parse_tokens(str(path), read_file(path))


def parse_tokens(path: str, raw: bytes) -> Mapping[str, str]:
    """Lines of `id:sha256hex`; empty lines and lines that begin with # are comments.

    Raises ConfigError; it shows no content, because what stands there by mistake may be a token.
    """
    ids: dict[str, str] = {}
    found: list[Diagnostic] = []
    for number, line in enumerate(raw.decode("utf-8", "replace").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            found.append(
                Diagnostic(Place(path, number), "not `id:` and the SHA-256 of a token in lower-case hex")
            )
        elif match[2] in ids or match[1] in ids.values():
            found.append(
                Diagnostic(Place(path, number), "the id or the digest stands on an earlier line too")
            )
        else:
            ids[match[2]] = match[1]
    if not ids and not found:
        found.append(Diagnostic(Place(path), "holds no token", "remove `tokens_file`, or add a line"))
    if found:
        raise ConfigError(*found)
    return ids
