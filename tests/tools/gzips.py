"""Gzip streams: the same bytes whenever they are made, and some that no tool would write."""

import gzip
import zlib

MIB = 1024 * 1024


def packed(raw: bytes) -> bytes:
    """Without the time of day: processes that share the tests must find the same ones."""
    return gzip.compress(raw, mtime=0)


def bomb(mebibytes: int) -> bytes:
    """About a KiB for each MiB of zeros that it stands for, after a `{`. It has no end."""
    head = gzip.compress(b"", 1, mtime=0)[:10]
    stream = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    opening = stream.compress(b"{") + stream.flush(zlib.Z_FULL_FLUSH)
    zeros = stream.compress(bytes(MIB)) + stream.flush(zlib.Z_FULL_FLUSH)
    return head + opening + zeros * mebibytes
