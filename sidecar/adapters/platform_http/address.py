"""Address: the base URL of the platform, the paths below it, and the proxy on the way."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final, Self
from urllib.parse import quote, urlencode
from urllib.request import getproxies, proxy_bypass

from yarl import URL

_BASE: Final = re.compile(r"https?://[!-~]+")
_SEGMENT: Final = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+"
_PATH: Final = re.compile(rf"(?:/{_SEGMENT})+")
# Encoded or not, these would be read as another path by some server on the way.
_WALKS: Final = re.compile(r"/(?:\.|%2e){1,2}(?=/|$)|%2f|%5c|%00", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Proxy:
    """What requests are tunnelled through, and the headers that are for it alone."""

    url: URL
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Address:
    """`base` has no slash at its end."""

    base: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError with a sentence that does not repeat the text, which may hold a password."""
        try:
            url = URL(text, encoded=True)
            # A port that is none shows only when it is asked for.
            usable = bool(_BASE.fullmatch(text) and url.host and url.port)
        except ValueError:
            # Its text may hold the password.
            raise ValueError("the URL of the platform cannot be read") from None
        if not usable:
            raise ValueError("the URL of the platform must look like https://host or https://host/path")
        if url.raw_user is not None or url.raw_password is not None:
            raise ValueError("the URL of the platform must not hold a user or password")
        if "?" in text or "#" in text:
            raise ValueError("the URL of the platform must not have a query or a fragment")
        if url.scheme != "https" and not _is_loopback(url):
            raise ValueError("the platform is asked only over https, or on this machine")
        return cls(text.rstrip("/"))

    def at(self, path: str, query: tuple[tuple[str, str], ...]) -> URL:
        """The URL of a path. Raises ValueError for one that could mean another path than it says."""
        if not _PATH.fullmatch(path) or _WALKS.search(path):
            raise ValueError("the path is not plain")
        asked = f"?{urlencode(query, quote_via=quote)}" if query else ""
        return URL(f"{self.base}{path}{asked}", encoded=True)

    def proxy(self) -> Proxy | None:
        """That of the environment (`HTTPS_PROXY`, `NO_PROXY`), never for this machine. Raises ValueError."""
        url = URL(self.base, encoded=True)
        if _is_loopback(url) or proxy_bypass(url.host or ""):
            return None
        given = getproxies().get(url.scheme)
        return _proxy(given) if given else None


def _is_loopback(url: URL) -> bool:
    host = url.host or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _proxy(given: str) -> Proxy:
    try:
        url = URL(given if "://" in given else f"http://{given}")
        if url.scheme == "http" and url.host and url.port:
            return Proxy(url.with_user(None), _credentials(url))
    except ValueError:
        # Its text may hold the password.
        pass
    raise ValueError("the proxy of the environment is not an http URL")


def _credentials(url: URL) -> Mapping[str, str]:
    if url.user is None:
        return {}
    raw = f"{url.user}:{url.password or ''}".encode()
    return {"Proxy-Authorization": f"Basic {base64.b64encode(raw).decode()}"}
