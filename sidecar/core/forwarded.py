"""Forwarded requests: which host and path a gateway says that it holds, read so that no two servers differ on it.

A path that two servers could take for different places is refused instead of guessed at. What is left may still be
written in more ways than one (`/%61dmin` is `/admin`), so its resource type is one of those that policies match
both raw and normalised.
"""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

# The type of the resource that a forwarded request is about; its id is host and path.
HTTP_PATH: Final = "http_path"

_PATH_CHARS: Final = 2048
_HOST_CHARS: Final = 253
_ODD: Final = re.compile(r"[^!-~]|[\\#;]")
_BROKEN_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ENCODED_SEPARATOR: Final = re.compile(r"%(?:2f|5c|3b|00)", re.IGNORECASE)
_TWICE: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ufeff\u2028\u2029]")
_DOTS: Final = frozenset({".", ".."})
_NAME: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\]")
_PORT: Final = re.compile(r":[0-9]{1,5}")
_PAIR: Final = re.compile(r'([A-Za-z]+)=("(?:[^"\\]|\\.)*"|[^",;=]*)(?:;|$)')


def why_hostile(path: str) -> str:
    """What of a path, as it stands in the request line, is not read alike everywhere; "" where it is."""
    if not path.startswith("/"):
        return "it does not begin with a slash"
    if len(path) > _PATH_CHARS:
        return f"it has more than {_PATH_CHARS} characters"
    if _ODD.search(path):
        return "it holds a character that is not ASCII, not printable, or one of \\ # ;"
    if "%" not in path:
        return _of_segments(path)
    return _of_escapes(path)


def _of_escapes(path: str) -> str:
    if _BROKEN_ESCAPE.search(path):
        return "a % is not followed by two hexadecimal digits"
    if _ENCODED_SEPARATOR.search(path):
        return "a slash, backslash, semicolon or NUL is encoded"
    try:
        plain = unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        return "what is encoded is not UTF-8"
    if _TWICE.search(plain):
        return "it is encoded twice"
    if _CONTROL.search(plain):
        return "a control character is encoded"
    return _of_segments(plain)


def _of_segments(plain: str) -> str:
    segments = plain.split("/")[1:]
    if not _DOTS.isdisjoint(segments):
        return "a segment is one dot or two"
    if "" in segments[:-1]:
        return "two slashes stand together"
    return ""


def host_of(header: str) -> tuple[str, str] | None:
    """Name, in lower case and without the dot of the root, and port, of a Host header; None where it is none."""
    text = header.lower()
    name, port = text, ""
    if match := re.search(r"(:[0-9]*)$", text.rpartition("]")[2]):
        name, port = text[: -len(match[1])], match[1]
    name = name.removesuffix(".")
    if len(name) > _HOST_CHARS or not _NAME.fullmatch(name) or ".." in name:
        return None
    if port and not _PORT.fullmatch(port):
        return None
    return name, port[1:]


def certificate_uri(header: str) -> str:
    """The one URI of the one client certificate in Envoy's X-Forwarded-Client-Cert; "" where there are others.

    Several certificates are those of several hops, of which nobody here can say whom to believe.
    """
    found: list[str] = []
    at = 0
    while at < len(header):
        match = _PAIR.match(header, at)
        if match is None:
            return ""
        if match[1].lower() == "uri":
            found.append(match[2].strip('"'))
        at = match.end()
    return found[0] if len(found) == 1 else ""
