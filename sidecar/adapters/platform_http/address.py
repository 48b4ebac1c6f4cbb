"""Address: the base URL of the platform, the paths below it, and the proxy on the way."""

import re
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import quote, urlencode
from urllib.request import getproxies, proxy_bypass

from yarl import URL

from sidecar.core.loopback import is_loopback
from sidecar.core.proxy import Proxy

_BASE: Final = re.compile(r"https?://[!-~]+")
_SEGMENT: Final = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+"
_PATH: Final = re.compile(rf"(?:/{_SEGMENT})+")
# Encoded or not, these would be read as another path by some server on the way.
_WALKS: Final = re.compile(r"/(?:\.|%2e){1,2}(?=/|$)|%2f|%5c|%00", re.IGNORECASE)


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
        if url.scheme != "https" and not is_loopback(url.host or ""):
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
        if is_loopback(url.host or "") or proxy_bypass(url.host or ""):
            return None
        given = getproxies().get(url.scheme)
        return Proxy.parse(given) if given else None
