"""The hash chain of the decision log: every line names the SHA-256 of the line before it.

A line is a JSON object that begins `{"seq":N,"prev":"<hex>","time":"<RFC 3339>",`; its hash is the SHA-256 of
its bytes without the newline, so that `sha256sum` checks the chain. The first line names 64 zeros.
"""

import hashlib
import re
from datetime import datetime
from typing import Final

import msgspec

from sidecar.core.errors import ChainBroken

GENESIS: Final = "0" * 64
MAX_RECORD: Final = 32 * 1024
MAX_BODY: Final = MAX_RECORD - 1024  # what is put in front of a body takes at most 1 KiB
_NEWLINE: Final = 0x0A  # as a number: to look for bytes in bytes raises and catches an error first
_HEADER: Final = re.compile(
    rb'\{"seq":(0|[1-9]\d{0,18}),"prev":"([0-9a-f]{64})","time":"([0-9TZ:.-]{20,27})",'
)


class Head(msgspec.Struct, frozen=True):
    """The end of the chain: how many records there are, the last one's hash and time ("" when there is none).

    An empty `hash` is not known: a log whose oldest records are no longer kept begins with it.
    """

    size: int = 0
    hash: str = GENESIS
    time: str = ""


def is_body(raw: bytes) -> bool:
    """Whether `raw` can be a record's body: a JSON object with a member, on one line, short enough.

    Only what would break the lines of the log is looked at; that it is JSON is its encoder's business.
    """
    return 3 < len(raw) <= MAX_BODY and raw[0] == 0x7B and _NEWLINE not in raw and 0 not in raw


def link(seq: int, prev: str, time: bytes, told: bytes, body: bytes) -> bytes:
    """The line of record `seq`, without its newline. `told` is empty or members that end with a comma."""
    return b'{"seq":%d,"prev":"%b","time":"%b",%b%b' % (seq, prev.encode(), time, told, body[1:])


def line_hash(line: bytes) -> str:
    """Hex SHA-256 of a line without its newline."""
    return hashlib.sha256(line).hexdigest()


def line_seq(line: bytes) -> int | None:
    """The number that a line gives itself; None when it is no line of a log."""
    header = _HEADER.match(line)
    return int(header[1]) if header else None


def line_time(line: bytes) -> str:
    """When a line says that it was written; "" when it is no line of a log."""
    header = _HEADER.match(line)
    return header[3].decode() if header else ""


def epoch(time: str) -> float | None:
    """A line's time in epoch seconds; None when it is no time."""
    try:
        return datetime.fromisoformat(time).timestamp()
    except ValueError:
        return None


def follow(head: Head, line: bytes) -> Head:
    """The chain with one more line. Raises ChainBroken when the line does not continue it."""
    header = _HEADER.match(line)
    if header is None:
        raise ChainBroken(head.size, "is no record: it does not begin with seq, prev and time")
    if int(header[1]) != head.size:
        raise ChainBroken(head.size, f"is not there: record {int(header[1])} stands in its place")
    if head.hash and header[2].decode() != head.hash:
        raise ChainBroken(
            head.size, "does not continue the chain: `prev` is not the hash of the record before it"
        )
    return Head(head.size + 1, line_hash(line), header[3].decode())
