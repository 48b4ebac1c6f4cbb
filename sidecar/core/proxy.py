"""The proxy that a request goes through, read from the text that an environment has for it."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from yarl import URL


@dataclass(frozen=True, slots=True)
class Proxy:
    """What requests go through, and the headers that are for it alone."""

    url: URL
    headers: Mapping[str, str] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """`host:port` or an http URL, with a password or not. Raises ValueError, which does not repeat the text."""
        try:
            url = URL(text if "://" in text else f"http://{text}")
            if url.scheme == "http" and url.host and url.port:
                return cls(url.with_user(None), _credentials(url))
        except ValueError:
            # Its text may hold the password.
            pass
        raise ValueError("the proxy of the environment is not an http URL")


def _credentials(url: URL) -> Mapping[str, str]:
    if url.user is None:
        return {}
    raw = f"{url.user}:{url.password or ''}".encode()
    return {"Proxy-Authorization": f"Basic {base64.b64encode(raw).decode()}"}
