"""The one byte form of a JSON value: what is hashed and signed, and what is read back from signed bytes.

No white space, members sorted by their names' code points, shortest numbers; `1` and `1.0` stay two different values,
as they are in conditions, which is where this differs from RFC 8785. Bytes in any other form are refused, and with
them what makes two readers disagree: members of one name, numbers beyond 64 bits.
"""

from collections.abc import Callable
from math import isfinite
from typing import Any, Final

import msgspec

from sidecar.core.model import JSON

MAX_DEPTH: Final = 32  # as in YAML files
# One call of the decoder holds the interpreter until it is done, so large values are decoded in pieces.
_PIECE: Final = 64 * 1024
_INT64: Final = range(-(2**63), 2**63)
_encoder: Final = msgspec.json.Encoder(order="sorted")
_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items: Final = msgspec.json.Decoder(list[msgspec.Raw])


class NotCanonical(ValueError):
    """The bytes are not JSON, or not in their one form."""


def encode(value: Any, depth: int = MAX_DEPTH) -> bytes:
    """The bytes of a JSON value that `decode` reads back, or of a Struct.

    Raises NotCanonical for what JSON, 64 bits or `depth` cannot hold.
    """
    _check(value, depth)
    return _written(value)


def decode(raw: bytes, depth: int = MAX_DEPTH) -> JSON:
    """The value, its lists and maps at most `depth` deep. Raises NotCanonical."""
    first = raw[:1] if len(raw) > _PIECE else b""
    if first == b"{":
        _check_room(depth)
        members = _read(raw, _members.decode).items()
        return {name: decode(bytes(part), depth - 1) for name, part in members}
    if first == b"[":
        _check_room(depth)
        return [decode(bytes(part), depth - 1) for part in _read(raw, _items.decode)]
    value = _read(raw, msgspec.json.decode)
    _check(value, depth)
    return value


def decode_as(raw: bytes, decoder: msgspec.json.Decoder[Any]) -> Any:
    """What the decoder makes of bytes in their one form; parts of type Raw are not looked into.

    Raises NotCanonical.
    """
    return _read(raw, decoder.decode)


def _read(raw: bytes, decode_: Callable[[bytes], Any]) -> Any:
    try:
        value = decode_(raw)
    except RecursionError as error:
        raise NotCanonical("nested too deep") from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise NotCanonical(str(error)) from error
    if _written(value) != raw:
        raise NotCanonical("members out of order or twice, white space, or values written in another way")
    return value


def _written(value: Any) -> bytes:
    try:
        return _encoder.encode(value)
    except (OverflowError, RecursionError, TypeError, ValueError) as error:
        raise NotCanonical(str(error)) from error


def _check(value: Any, depth: int) -> None:
    """What the encoder would let pass, or write as something else."""
    if isinstance(value, dict):
        _check_room(depth)
        for item in value.values():
            _check(item, depth - 1)
    elif isinstance(value, list):
        _check_room(depth)
        for item in value:
            _check(item, depth - 1)
    elif type(value) is int and value not in _INT64:
        raise NotCanonical("an integer does not fit in 64 bits")
    elif type(value) is float and not isfinite(value):
        raise NotCanonical(f"{value} is no JSON")


def _check_room(depth: int) -> None:
    if depth <= 0:
        raise NotCanonical("nested too deep")
