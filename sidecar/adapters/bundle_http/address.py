"""Address: a URL that a bundle may be fetched from, what of it may be shown, and the proxy on the way."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Self
from urllib.request import getproxies, proxy_bypass

from aiohttp import BasicAuth
from yarl import URL

from sidecar.core.errors import SourceUnavailable

_URL: Final = re.compile(r"https?://[!-~]+")


@dataclass(frozen=True, slots=True)
class Proxy:
    """What requests go through, and who we are there."""

    url: URL
    auth: BasicAuth | None


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
        except ValueError as error:
            raise ValueError("the URL of the bundle cannot be read") from error
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
    def may_see_tokens(self) -> bool:
        return self.url.scheme == "https" or self.is_loopback

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
        auth = BasicAuth(url.user, url.password or "") if url.user is not None else None
        if url.scheme in {"http", "https"} and url.host and url.port:
            return Proxy(url.with_user(None), auth)
    except ValueError:
        # Its text may hold the password.
        pass
    raise SourceUnavailable(f"{name}: the proxy of the environment is not an http or https URL")
