"""Paths: one lexical form, so that a rule about `/etc/*` sees every way of writing it.

The form never replaces what was written: rules that deny match either, rules that allow must match both. So
it may fold more than one file system would, and does.
"""

import re
from typing import Final
from unicodedata import normalize
from urllib.parse import unquote

_SUSPECT: Final = re.compile(r"[%\\\0]|//|(?:^|/)\.\.?(?:/|$)|./$|^file:|^/proc/", re.IGNORECASE)
_FILE_URL: Final = re.compile(r"file:(?://[^/]*(?=/))?", re.IGNORECASE)
_ROOT_LINK: Final = re.compile(r"/proc/(?:self|thread-self|[0-9]+)(?:/task/[0-9]+)?/root(?=/|$)")
_DECODE_ROUNDS: Final = 4


def normalise(path: str) -> str:
    """The path without what does not change where it leads, as far as its text alone can tell.

    In this order: percent escapes decoded (until none are left, at most four times), cut at NUL, backslash to
    slash, Unicode NFC, `file:` URL to path, `//` and `.` and `..` resolved, no trailing slash, and
    `/proc/self/root` taken off. `..` above `/` is `/`, `..` that leads out of a relative path stays. `~` and
    case stay; "" stays "".
    """
    if path.isascii() and not _SUSPECT.search(path):
        return path
    plain = normalize("NFC", _decoded(path).partition("\0")[0].replace("\\", "/"))
    return _without_root_link(_resolved(_FILE_URL.sub("", plain, count=1) if _is_url(plain) else plain))


def _decoded(path: str) -> str:
    for _ in range(_DECODE_ROUNDS):
        plain = unquote(path)
        if plain == path:
            break
        path = plain
    return path


def _is_url(path: str) -> bool:
    return path[:6].lower() == "file:/"


def _resolved(path: str) -> str:
    kept: list[str] = []
    rooted = path.startswith("/")
    for part in path.split("/"):
        if part in {"", "."}:
            continue
        if part != ".." or (not rooted and (not kept or kept[-1] == "..")):
            kept.append(part)
        elif kept:
            kept.pop()
    joined = "/".join(kept)
    return f"/{joined}" if rooted else joined or (path[:1] and ".")


def _without_root_link(path: str) -> str:
    while match := _ROOT_LINK.match(path):
        path = path[match.end() :] or "/"
    return path
