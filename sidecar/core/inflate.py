"""Inflate: what a source sends, plain or gzip, taken piece by piece with bounds on both of its sizes.

RFC 1952 allows several members in a row, but no tool that makes bundles writes them: after the first one nothing may
follow, so that no two programs see two different bundles.
"""

import zlib
from typing import Final

from sidecar.core.errors import BundleTooLarge, BundleTruncated, NotABundle

_GZIP: Final = b"\x1f\x8b"
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
_PIECE: Final = 64 * 1024
_SHOWN: Final = 16


class Inflater:
    """`take` the pieces in order, then `finish`; after an error it is of no more use.

    A gzip inside of a gzip is inflated too: a stored `.gz` that a server compressed once more. Never holds more than
    `max_size` bytes, or `max_download` of what is plain, and one piece of 64 KiB a layer.
    """

    def __init__(self, name: str, max_download: int, max_size: int) -> None:
        """`name` is that of the source, for the sentences of errors."""
        self._content = _Content(name, max_size)
        inside = _Layer(name, max_size, "decompressed", self._content, None)
        outside = _Layer(name, max_size, "decompressed", self._content, inside)
        self._sent = _Layer(name, max_download, "sent", self._content, outside)

    def take(self, piece: bytes) -> None:
        """Raises BundleTooLarge as soon as either size is over its bound, and NotABundle."""
        # What zlib has not yet used it copies at each step, so it is given little at a time.
        for start in range(0, len(piece), _PIECE):
            self._sent.take(piece[start : start + _PIECE])

    def finish(self) -> bytes:
        """All of the content; its first visible byte is `{`. Raises NotABundle and BundleTruncated."""
        self._sent.finish()
        return self._content.whole()


class _Content:
    """What remains when every gzip is taken off."""

    def __init__(self, name: str, most: int) -> None:
        self._name = name
        self._most = most
        self._pieces: list[bytes] = []
        self._size = 0
        self._begun = False

    def take(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._most:
            raise BundleTooLarge(f"{self._name}: a bundle has at most {self._most} bytes")
        if not self._begun and (head := piece.lstrip()):
            self._begun = True
            if not head.startswith(b"{"):
                raise NotABundle(f"{self._name}: this is no signed bundle, it begins with {_shown(head)}")
        self._pieces.append(piece)

    def whole(self) -> bytes:
        if not self._begun:
            raise NotABundle(f"{self._name}: this is no signed bundle, it is empty")
        return b"".join(self._pieces)


class _Layer:
    """Bytes whose first two tell whether they are a gzip, of which the next layer is made, or the content.

    `most` bounds the layer even where nothing of it is kept: a gzip can be made of gigabytes that inflate to nothing.
    """

    def __init__(self, name: str, most: int, what: str, content: _Content, inside: "_Layer | None") -> None:
        self._name = name
        self._most = most
        self._what = what
        self._size = 0
        self._head: bytes | None = b""
        self._next: _Content | _Gunzip = content
        self._inside = inside

    def take(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._most:
            raise BundleTooLarge(f"{self._name}: more than {self._most} bytes as {self._what}")
        if self._head is not None:
            piece = self._head + piece
            if len(piece) < len(_GZIP):
                self._head = piece
                return
            self._open(piece)
        self._next.take(piece)

    def finish(self) -> None:
        if self._head:
            self._next.take(self._head)
        elif isinstance(self._next, _Gunzip):
            self._next.finish()

    def _open(self, head: bytes) -> None:
        self._head = None
        if head.startswith(_GZIP) and self._inside is not None:
            self._next = _Gunzip(self._name, self._inside)


class _Gunzip:
    """One member of gzip, inflated by pieces of at most 64 KiB however much its input stands for."""

    def __init__(self, name: str, inside: _Layer) -> None:
        self._name = name
        self._inside = inside
        self._stream = zlib.decompressobj(_GZIP_WINDOW)

    def take(self, piece: bytes) -> None:
        while piece := self._inflate(piece):
            self._inside.take(piece)
            piece = self._stream.unconsumed_tail
        if self._stream.unused_data:
            raise NotABundle(f"{self._name}: bytes follow after the end of the gzip")

    def finish(self) -> None:
        if not self._stream.eof:
            raise BundleTruncated(f"{self._name}: the gzip ends too early")
        self._inside.finish()

    def _inflate(self, piece: bytes) -> bytes:
        try:
            return self._stream.decompress(piece, _PIECE)
        except zlib.error as error:
            raise NotABundle(f"{self._name}: the gzip is damaged") from error


def _shown(head: bytes) -> str:
    """The first bytes for a person, in quotes and without anything that could steer a terminal."""
    return ascii(head[:_SHOWN].decode("latin-1"))
