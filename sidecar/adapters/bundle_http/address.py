"""Address: a URL that a bundle may be fetched from, what of it may be shown, and the proxy on the way."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Self
from urllib.request import getproxies, proxy_bypass

from yarl import URL

from sidecar.core.errors import SourceUnavailable

_URL: Final = re.compile(r"https?://[!-~]+")


@dataclass(frozen=True, slots=True)
class Proxy:
    """What requests go through, and the headers that are for it alone."""

    url: URL
    headers: Mapping[str, str]


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
        host = self.url.host or ""
        try:
            return host == "localhost" or ip_address(host).is_loopback
        except ValueError:
            return False

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
        return _proxy(given, self.name) if given else None


def _proxy(given: str, name: str) -> Proxy:
    try:
        url = URL(given if "://" in given else f"http://{given}")
        if url.scheme == "http" and url.host and url.port:
            return Proxy(url.with_user(None), _credentials(url))
    except ValueError:
        # Its text may hold the password.
        pass
    raise SourceUnavailable(f"{name}: the proxy of the environment is not an http URL")


def _credentials(url: URL) -> Mapping[str, str]:
    if url.user is None:
        return {}
    raw = f"{url.user}:{url.password or ''}".encode()
    return {"Proxy-Authorization": f"Basic {base64.b64encode(raw).decode()}"}
