"""I-JSON (RFC 7493): one strict reading of a body, so that no two programs see two different requests.

Refused: duplicate member names (2.3), lone surrogates and bytes that are not UTF-8 (2.1), numbers beyond IEEE 754
doubles or 64 bits (2.2), and what is deeper or longer than the limits. The common case is settled by counting: where
no backslash occurs, a decoded-and-encoded body has as many quotes as the original unless a member was dropped.
"""

import json
from dataclasses import dataclass
from typing import Final

import msgspec

from sidecar.core.errors import RequestError
from sidecar.core.model import JSON, Object

_decode_any: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode
_BACKSLASH: Final = ord("\\")  # as a number: to look for bytes in bytes raises and catches an error first
_DIGITS: Final = bytes(ord("0") if chr(byte).isdigit() and byte < 128 else ord(" ") for byte in range(256))
_LONG: Final = b"0" * 19
_INT64: Final = range(-(2**63), 2**63)
_MAX_ENTRIES: Final = 1000
_NO_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")


@dataclass(frozen=True, slots=True)
class JsonLimits:
    """`depth` of nesting; `entries` of any one list or map."""

    depth: int = 32
    entries: int = _MAX_ENTRIES


def parse_object(raw: bytes, limits: JsonLimits) -> Object:
    """The JSON object that `raw` is, or RequestError saying what is wrong with it."""
    if raw.count(b"{") + raw.count(b"[") > limits.depth:
        _check_depth(raw, limits.depth)
    value = _decode(raw)
    if not isinstance(value, dict):
        raise RequestError("the body must be a JSON object")
    if not _is_plain(raw, value, limits):
        _check(raw, limits)
    return value


def _decode(raw: bytes) -> JSON:
    try:
        return _decode_any(raw)
    except UnicodeDecodeError as error:
        raise RequestError(f"the body is not UTF-8 at byte {error.start}") from error
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise RequestError(f"the body is not valid JSON: {_explain(raw, error)}") from error


def _explain(raw: bytes, error: Exception) -> str:
    if not raw.strip():
        return "it is empty"
    return str(error).removeprefix("JSON is malformed: ")


def _is_plain(raw: bytes, value: Object, limits: JsonLimits) -> bool:
    return (
        _BACKSLASH not in raw
        and (len(raw) <= limits.entries or raw.count(b",") < limits.entries)
        and raw.translate(_DIGITS).find(_LONG) < 0
        and raw.count(b'"') == _encode(value).count(b'"')
    )


def _check(raw: bytes, limits: JsonLimits) -> None:
    """The slow, exact reading; it only judges, the fast one has decoded."""

    def members(pairs: list[tuple[str, JSON]]) -> Object:
        found = dict(pairs)
        if len(found) != len(pairs):
            twice = _shown(_first_twice(pairs))
            raise RequestError(f"the member name {twice} occurs twice in one object", field=twice)
        return found

    try:
        value = json.loads(raw, object_pairs_hook=members)
    except ValueError as error:  # also the interpreter's own limit on the digits of an integer
        raise RequestError(f"the body is not valid JSON: {error}") from error
    _check_values(value, limits)


def _first_twice(pairs: list[tuple[str, JSON]]) -> str:
    """In one pass, however many there are: whoever may send a body is not to hold the loop with it."""
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    return ""


def _check_values(value: JSON, limits: JsonLimits) -> None:
    todo: list[tuple[str, JSON]] = [("", value)]
    while todo:
        path, item = todo.pop()
        if isinstance(item, str):
            _check_text(item, path)
        elif isinstance(item, int):
            if item not in _INT64:
                raise RequestError("an integer must fit into 64 bits", field=path)
        elif isinstance(item, dict | list):
            if len(item) > limits.entries:
                raise RequestError(f"has {len(item)} entries; at most {limits.entries} are taken", field=path)
            todo += _children(path, item)


def _children(path: str, item: Object | list[JSON]) -> list[tuple[str, JSON]]:
    if isinstance(item, list):
        return [(f"{path}[{index}]", child) for index, child in enumerate(item)]
    for name in item:
        _check_text(name, path)
    return [(f"{path}.{_shown(name)}".lstrip("."), child) for name, child in item.items()]


def _check_text(text: str, path: str) -> None:
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise RequestError("a string holds half of a surrogate pair", field=path)


def _check_depth(raw: bytes, limit: int) -> None:
    """Counts brackets outside strings, without recursion, before any parser sees the body."""
    depth = 0
    # Once escapes are gone, every other piece between quotes is a string: found at once, however long it is.
    bare = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside = b"".join(bare.split(b'"')[::2])
    for bracket in outside.translate(None, _NO_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > limit:
            raise RequestError(f"the body nests deeper than {limit} levels")


def _shown(name: str) -> str:
    return name[:64].encode("ascii", "backslashreplace").decode()
