"""Address: a URL that a bundle may be fetched from, what of it may be shown, and the proxy on the way."""

import re
from dataclasses import dataclass
from typing import Final, Self
from urllib.request import getproxies, proxy_bypass

from yarl import URL

from sidecar.core.errors import SourceUnavailable
from sidecar.core.loopback import is_loopback
from sidecar.core.proxy import Proxy

_URL: Final = re.compile(r"https?://[!-~]+")


@dataclass(frozen=True, slots=True)
class Address:
    """`name` is the URL without its query, which may be a secret."""

    url: URL
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError with a sentence that does not repeat the text, which may hold a password."""
        try:
            url = URL(text, encoded=True)
            # A port that is none shows only when it is asked for.
            usable = bool(_URL.fullmatch(text) and url.host and url.port)
        except ValueError:
            # Its text may hold the password.
            raise ValueError("the URL of the bundle cannot be read") from None
        if not usable:
            raise ValueError("the URL of the bundle must look like https://host/path")
        if url.raw_user is not None or url.raw_password is not None:
            raise ValueError("the URL of the bundle must not hold a user or password; use a token file")
        if url.raw_fragment:
            raise ValueError("the URL of the bundle must not have a fragment (`#`)")
        return cls(url, str(url.with_query(None)))

    @property
    def is_loopback(self) -> bool:
        """Whether the request does not leave this machine."""
        return is_loopback(self.url.host or "")

    @property
    def is_tunnelled(self) -> bool:
        """Whether a proxy sees no more than the host's name; else the request that it forwards bears its headers."""
        return self.url.scheme == "https"

    @property
    def may_see_tokens(self) -> bool:
        return self.is_tunnelled or self.is_loopback

    def proxy(self) -> Proxy | None:
        """That of the environment (`HTTPS_PROXY`, `NO_PROXY`), never for this machine. Raises SourceUnavailable.

        aiohttp's own `trust_env` would read `.netrc` too, and send a password that nobody spoke of.
        """
        host = self.url.host or ""
        if self.is_loopback or proxy_bypass(host):
            return None
        given = getproxies().get(self.url.scheme)
        try:
            return Proxy.parse(given) if given else None
        except ValueError as error:
            raise SourceUnavailable(f"{self.name}: {error}") from error
