"""One attempt: a request out, a bounded answer in. Whatever the client library raises ends here."""

import ssl
from pathlib import Path
from typing import Final

import aiohttp
from yarl import URL

from sidecar.adapters.platform_http.address import Address
from sidecar.adapters.platform_http.credentials import UnusableCredential
from sidecar.adapters.platform_http.headers import Headers
from sidecar.adapters.platform_http.replies import (
    MOST_BYTES,
    Again,
    Attempt,
    failed,
    replied,
    settled,
    too_large,
)
from sidecar.adapters.platform_http.signing import encode
from sidecar.core.platform import Reason, Unavailable
from sidecar.service.ports import PlatformCall

_NO_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=None)
_IDLE: Final = 30.0


class Exchange:
    """Connections to one platform. Use it in one loop; `close` lets them go, and a later attempt opens new ones."""

    def __init__(self, address: Address, headers: Headers, ca_file: Path | None) -> None:
        """Raises ValueError with a sentence for what can never work."""
        self._address = address
        self._headers = headers
        self._proxy = address.proxy()
        self._tls = _tls(ca_file)
        self._session: aiohttp.ClientSession | None = None

    async def attempt(self, call: PlatformCall, correlation_id: str, now: float) -> Attempt:
        """What came of it. It takes as long as it takes: deadlines are the caller's. `now` is in epoch seconds."""
        try:
            url, body = self._address.at(call.path, call.query), encode(call.body)
            headers = await self._headers.of(call, correlation_id, now)
            return await self._ask(call, url, body, headers)
        except UnusableCredential as error:
            return Attempt(Unavailable(Reason.NO_KEY, detail=str(error)))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return failed(error)

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _ask(
        self, call: PlatformCall, url: URL, body: bytes | None, headers: dict[str, str]
    ) -> Attempt:
        async with self._open().request(
            call.method,
            url,
            data=body,
            headers=headers,
            allow_redirects=False,
            proxy=self._proxy.url if self._proxy else None,
            proxy_headers=self._proxy.headers if self._proxy else None,
        ) as response:
            is_own = call.sender is None
            return settled(response.status, response.headers, is_own=is_own) or await _answer(response)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._tls, keepalive_timeout=_IDLE, limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                timeout=_NO_TIMEOUT,
            )
        return self._session


async def _answer(response: aiohttp.ClientResponse) -> Attempt:
    raw = bytearray()
    try:
        async for piece in response.content.iter_any():
            raw += piece
            if len(raw) > MOST_BYTES:
                return Attempt(too_large(response.status))
    except (aiohttp.ClientError, OSError) as error:
        return Attempt(Unavailable(Reason.CUT, response.status, type(error).__name__), Again.NEVER)
    return Attempt(replied(response.status, bytes(raw)))


def _tls(ca_file: Path | None) -> ssl.SSLContext | bool:
    """What aiohttp takes: True is the system's authorities. Raises ValueError."""
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ValueError(f"{ca_file}: no certificates can be read from it: {error.strerror}") from error
