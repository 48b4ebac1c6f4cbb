"""Reading segments: whole lines, from the front or by number. Works beside a running daemon."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path
from typing import Final

from sidecar.core.chain import MAX_RECORD, line_seq

_LINE: Final = MAX_RECORD + 1
_BLOCK: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Found:
    """A line without its newline, and where in its segment it stands; `end` is that of the next line."""

    line: bytes
    start: int
    end: int


def whole_lines(path: Path, start: int = 0) -> Iterator[Found]:
    """The whole lines of a segment from offset `start`, which is the start of a line.

    A segment ends at its first zero byte or incomplete line. Raises OSError.
    """
    with path.open("rb", buffering=_BLOCK) as file:
        file.seek(start)
        while (raw := file.readline(_LINE)).endswith(b"\n") and b"\0" not in raw:
            yield Found(raw[:-1], start, start + len(raw))
            start += len(raw)


def rest(path: Path, end: int) -> bytes:
    """What follows the last whole line of a segment, without the zeros at its end. Raises OSError."""
    with path.open("rb", buffering=0) as file:
        last = at = file.seek(end)
        while block := file.read(_BLOCK):
            at += len(block)
            if used := len(block.rstrip(b"\0")):
                last = at - len(block) + used
        file.seek(end)
        return file.read(last - end)


def find(path: Path, seq: int) -> Found | None:
    """Record `seq` in its segment, by bisection; None if it has no such whole line. Raises OSError."""
    with path.open("rb", buffering=0) as file:
        low, high = 0, file.seek(0, os.SEEK_END)
        while low < high:
            middle = _line_start(file, low, (low + high) // 2)
            found = _line_at(file, middle)
            number = line_seq(found.line) if found else None
            if found and number == seq:
                return found
            if found and number is not None and number < seq:
                low = found.end
            else:
                high = middle
    return None


def _line_start(file: RawIOBase, low: int, offset: int) -> int:
    """The start of the line that `offset` is in, not before `low`, which is the start of one.

    Among the zeros at the end there is no line: `offset` itself.
    """
    start = max(low, offset - _LINE)
    file.seek(start)
    newline = (file.read(offset - start) or b"").rfind(b"\n")
    if newline >= 0:
        return start + newline + 1
    return low if start == low else offset


def _line_at(file: RawIOBase, start: int) -> Found | None:
    file.seek(start)
    raw = file.read(_LINE) or b""
    newline = raw.find(b"\n")
    if newline < 0 or b"\0" in raw[:newline]:
        return None
    return Found(raw[:newline], start, start + newline + 1)


def last_lines(path: Path, limit: int) -> list[bytes]:
    """The last whole lines of a segment, newest first. Raises OSError."""
    with path.open("rb", buffering=0) as file:
        end, back = _data_end(file), _BLOCK
        while True:
            start = max(0, end - back)
            file.seek(start)
            lines = (file.read(end - start) or b"").split(b"\n")
            # What stands before the first newline is whole only at the start, behind the last one never.
            whole = lines[:-1] if start == 0 else lines[1:-1]
            if len(whole) >= limit or start == 0:
                return whole[: -limit - 1 : -1]
            back *= 2


def _data_end(file: RawIOBase) -> int:
    """Where the zeros begin that a live segment ends in."""
    low, high = 0, file.seek(0, os.SEEK_END)
    while low < high:
        middle = (low + high) // 2
        file.seek(middle)
        if file.read(1) == b"\0":
            high = middle
        else:
            low = middle + 1
    return low
