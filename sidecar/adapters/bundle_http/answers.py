"""Answers: what a status and its headers mean for the fetch of a bundle."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final, Self

from sidecar.core.errors import BundleError, BundleTooLarge, NotABundle, SourceRefused, SourceUnavailable

_LONGEST_AFTER: Final = 3600.0
_LATER: Final = frozenset({408, 425, 429})
# RFC 9110 section 8.8.3, without the bytes beyond ASCII, which could not be sent back.
_ETAG: Final = re.compile(r'(?:W/)?"[!#-~]*"')
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_WEB_PAGES: Final = frozenset({"text/html", "application/xhtml+xml"})


@dataclass(frozen=True, slots=True)
class Tag:
    """A digest of the content, for servers without ETags or without conditional requests, and the ETag or ""."""

    digest: str
    etag: str

    @classmethod
    def parse(cls, tag: str | None) -> Self:
        digest, _, etag = (tag or "").partition(" ")
        return cls(digest, etag)

    def __str__(self) -> str:
        return f"{self.digest} {self.etag}"


def refusal(name: str, status: int, headers: Mapping[str, str]) -> BundleError:
    """The error for any status but 200 and 304."""
    if status in _LATER or status >= 500:
        after = retry_after(headers.get("Retry-After", ""), time.time())
        return SourceUnavailable(f"{name}: the server answers {status}", retry_after=after)
    if 300 <= status < 400:
        return SourceRefused(f"{name}: the server redirects ({status}), and redirects are not followed")
    if status >= 400:
        return SourceRefused(f"{name}: the server answers {status}")
    return NotABundle(f"{name}: the server answers {status} where 200 was due")


def retry_after(value: str, now: float) -> float | None:
    """Seconds, from 0 to an hour, of RFC 9110 section 10.2.3: a number or a date. None for anything else."""
    if _NUMBER.fullmatch(value):
        return min(float(value), _LONGEST_AFTER)
    try:
        due = parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(max(due - now, 0.0), _LONGEST_AFTER)


def etag_of(headers: Mapping[str, str]) -> str:
    """The ETag, "" if there is none that can be sent back."""
    etag = headers.get("ETag", "")
    return etag if _ETAG.fullmatch(etag) else ""


def check_headers(name: str, headers: Mapping[str, str], most: int) -> None:
    """Raises NotABundle for a web page, which is what captive portals and login walls send with 200.

    And BundleTooLarge where more than `most` bytes are announced.
    """
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind in _WEB_PAGES:
        raise NotABundle(f"{name}: this is no signed bundle but a web page ({kind})")
    encoding = headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip", "x-gzip"}:
        raise NotABundle(f"{name}: only gzip was asked for, but the server compresses otherwise")
    length = headers.get("Content-Length", "")
    if _NUMBER.fullmatch(length) and int(length) > most:
        raise BundleTooLarge(f"{name}: {length} bytes are announced, a bundle has at most {most} as sent")
