"""Operations: what the log asks its writer process to do, as the bytes of a request."""

from collections.abc import Iterable, Sequence
from os import fsencode
from pathlib import Path

from sidecar.adapters.audit_files import writer_process as writer


def _operation(code: int, path: Path | None = None, number: int = 0, data: bytes = b"") -> bytes:
    raw = fsencode(path) if path else b""
    return writer.OPERATION.pack(code, number, len(raw), len(data)) + raw + data


def request(operations: Iterable[bytes]) -> bytes:
    """One request: the operations are done in this order until one fails."""
    body = b"".join(operations)
    return writer.LENGTH.pack(len(body)) + body


def write(lines: Sequence[bytes], offset: int, *, sync: bool) -> bytes:
    """Lines (without newlines) into the open segment."""
    data = b"\n".join((*lines, b""))
    return _operation(writer.WRITE if sync else writer.WRITE_UNSYNCED, None, offset, data)


def open_segment(path: Path) -> bytes:
    return _operation(writer.OPEN, path)


def put(path: Path, data: bytes) -> bytes:
    """A small file, whole or not at all; durable once its folder is synced."""
    return _operation(writer.PUT, path, 0, data)


def zero(path: Path, size: int) -> bytes:
    return _operation(writer.ZERO, path, size)


def cut(path: Path, size: int) -> bytes:
    return _operation(writer.CUT, path, size)


def move(path: Path, to: Path) -> bytes:
    return _operation(writer.MOVE, path, 0, fsencode(to))


def delete(path: Path) -> bytes:
    return _operation(writer.DELETE, path)


def sync_dir(path: Path) -> bytes:
    return _operation(writer.SYNC_DIR, path)


def sync(path: Path) -> bytes:
    return _operation(writer.SYNC, path)
