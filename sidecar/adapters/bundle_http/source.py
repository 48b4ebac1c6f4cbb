"""The port BundleSource over HTTP."""

import asyncio
import hashlib
import ssl
from pathlib import Path
from typing import Final

import aiohttp

from sidecar import __version__
from sidecar.adapters.bundle_http.address import Address
from sidecar.adapters.bundle_http.answers import Tag, check_headers, etag_of, refusal
from sidecar.adapters.bundle_http.token import read_token
from sidecar.core.errors import (
    BundleTruncated,
    SourceTimeout,
    SourceUnavailable,
    UnaskedNotModified,
)
from sidecar.core.inflate import Inflater
from sidecar.service.ports import Fetched

_NO_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=None)


class BundleHttp:
    """One URL. Use it in one loop; `close` lets its connections go."""

    def __init__(
        self,
        url: str,
        *,
        max_download: int,
        max_size: int,
        timeout: float,
        token_file: Path | None = None,
        ca_file: Path | None = None,
    ) -> None:
        """`timeout`: seconds for all of a fetch, besides what it is asked to wait.

        `token_file` holds a bearer token and is read at each fetch; `ca_file` holds the authorities that alone are
        trusted. Raises ValueError with a sentence for what can never work.
        """
        self._address = Address.parse(url)
        if token_file is not None and not self._address.may_see_tokens:
            raise ValueError("a token is sent only over https, or to this machine")
        self.name = self._address.name
        self._max_download = max_download
        self._max_size = max_size
        self._timeout = timeout
        self._token_file = token_file
        self._tls = _tls(ca_file)
        self._session: aiohttp.ClientSession | None = None

    async def fetch(self, tag: str | None, wait: float) -> Fetched | None:
        """As the port says. A server that does not know `Prefer: wait` (RFC 7240) answers at once."""
        known = Tag.parse(tag)
        held = int(wait) if known.etag else 0
        try:
            async with asyncio.timeout(self._timeout + held):
                return await self._fetch(known, held)
        except TimeoutError as error:
            raise SourceTimeout(f"{self.name}: not done within {self._timeout + held:g} s") from error
        except aiohttp.ClientResponseError as error:
            # The text of this one holds the whole URL, so it is not chained.
            raise SourceUnavailable(f"{self.name}: {_problem(error)}") from None
        except (aiohttp.ClientError, OSError) as error:
            raise SourceUnavailable(f"{self.name}: {str(error) or type(error).__name__}") from error

    async def close(self) -> None:
        """Let the connections go. A later fetch opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _fetch(self, known: Tag, held: int) -> Fetched | None:
        headers = await self._headers(known, held)
        proxy = self._address.proxy()
        if proxy and not self._address.is_tunnelled:
            headers |= proxy.headers
        async with self._open().get(
            self._address.url,
            headers=headers,
            allow_redirects=False,
            proxy=proxy.url if proxy else None,
            proxy_headers=proxy.headers if proxy else None,
        ) as response:
            if response.status == 304:
                self._check_asked(known)
                return None
            if response.status != 200:
                raise refusal(self.name, response.status, response.headers)
            return await self._content(response, known)

    def _check_asked(self, known: Tag) -> None:
        if not known.etag:
            raise UnaskedNotModified(f"{self.name}: the server says `not modified` without being asked")

    async def _content(self, response: aiohttp.ClientResponse, known: Tag) -> Fetched | None:
        check_headers(self.name, response.headers, self._max_download)
        inflater = Inflater(self.name, self._max_download, self._max_size)
        await self._read(response, inflater)
        raw, digest = await asyncio.to_thread(_finish, inflater)
        tag = Tag(digest, etag_of(response.headers))
        return Fetched(raw, str(tag)) if tag != known else None

    async def _read(self, response: aiohttp.ClientResponse, inflater: Inflater) -> None:
        """The body, inflated in a thread: a small piece can stand for much, and the loop has decisions to make."""
        try:
            async for piece in response.content.iter_any():
                await asyncio.to_thread(inflater.take, piece)
        except (aiohttp.ClientError, OSError) as error:
            raise BundleTruncated(f"{self.name}: the connection ended before the bundle did") from error

    async def _headers(self, known: Tag, held: int) -> dict[str, str]:
        headers = {"User-Agent": f"ascend-sidecar/{__version__}", "Accept-Encoding": "gzip"}
        if known.etag:
            headers["If-None-Match"] = known.etag
        if held:
            headers["Prefer"] = f"wait={held}"
        if self._token_file is not None:
            token = await asyncio.to_thread(read_token, self._token_file, self.name)
            headers["Authorization"] = f"Bearer {token}"
        return headers

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._tls),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                timeout=_NO_TIMEOUT,
            )
        return self._session


def _finish(inflater: Inflater) -> tuple[bytes, str]:
    """The content and its hex SHA-256."""
    raw = inflater.finish()
    return raw, hashlib.sha256(raw).hexdigest()


def _problem(error: aiohttp.ClientResponseError) -> str:
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy answers {error.status}"
    return f"the answer is not HTTP: {error.message.partition(chr(10))[0]}"


def _tls(ca_file: Path | None) -> ssl.SSLContext | bool:
    """What aiohttp takes: True is the system's authorities. Raises ValueError."""
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ValueError(f"{ca_file}: no certificates can be read from it: {error.strerror}") from error
