"""The one byte form of a JSON value: what is hashed and signed, and what is read back from signed bytes.

No white space, members sorted by their names' code points, shortest numbers; `1` and `1.0` stay two different values,
as they are in conditions, which is where this differs from RFC 8785. Bytes in any other form are refused, and with
them what makes two readers disagree: members of one name, numbers beyond 64 bits.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from sidecar.core.model import JSON

MAX_DEPTH: Final = 32
# One call of the decoder holds the interpreter until it is done, so large values are decoded in pieces.
_PIECE: Final = 64 * 1024
_INT64: Final = range(-(2**63), 2**63)
_encoder: Final = msgspec.json.Encoder(order="sorted")
_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items: Final = msgspec.json.Decoder(list[msgspec.Raw])


class NotCanonical(ValueError):
    """The bytes are not JSON, or not in their one form."""


def encode(value: Any) -> bytes:
    """The bytes of a value. Raises NotCanonical for one that JSON or 64 bits cannot hold."""
    try:
        return _encoder.encode(value)
    except (OverflowError, RecursionError, TypeError, ValueError) as error:
        raise NotCanonical(str(error)) from error


def decode(raw: bytes | memoryview, depth: int = MAX_DEPTH) -> JSON:
    """The value, nested at most `depth` deep. Raises NotCanonical."""
    if len(raw) <= _PIECE:
        return _whole(raw, depth)
    first = raw[:1]
    if first == b"{":
        return {name: decode(part, depth - 1) for name, part in _parts(raw, _members.decode, depth).items()}
    if first == b"[":
        return [decode(part, depth - 1) for part in _parts(raw, _items.decode, depth)]
    return _whole(raw, depth)


def decode_as(raw: bytes, decoder: msgspec.json.Decoder[Any]) -> Any:
    """What the decoder makes of bytes in their one form; parts of type Raw are not looked into.

    Raises NotCanonical.
    """
    return _parts(raw, decoder.decode, 1)


def _whole(raw: bytes | memoryview, depth: int) -> JSON:
    value = _parts(raw, msgspec.json.decode, depth)
    _check(value, depth)
    return value


def _parts(raw: bytes | memoryview, decode_: Callable[[Any], Any], depth: int) -> Any:
    if depth <= 0:
        raise NotCanonical(f"nested deeper than {MAX_DEPTH}")
    try:
        value = decode_(raw)
    except RecursionError as error:
        raise NotCanonical("nested too deep") from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise NotCanonical(str(error)) from error
    if encode(value) != raw:
        raise NotCanonical("members out of order or twice, white space, or numbers written in another way")
    return value


def _check(value: JSON, depth: int) -> None:
    if depth < 0:
        raise NotCanonical(f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, dict):
        for item in value.values():
            _check(item, depth - 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth - 1)
    elif type(value) is int and value not in _INT64:
        raise NotCanonical(f"{value} does not fit in 64 bits")
