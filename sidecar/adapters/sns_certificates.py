"""The port Certificates over HTTPS, with a memory and `certificates/` in the state folder.

A certificate never changes under its name, so it is fetched once. The host is asked by a thread that nobody waits
for in the end: neither a halt nor the end of the process may hang on a name server.
"""

import asyncio
import contextlib
import hashlib
import http.client
import logging
import os
import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from sidecar import __version__
from sidecar.core.killswitch.wire import certified_key
from sidecar.core.killswitch.wire.pinning import CERTIFICATE_NAME
from sidecar.core.loopback import is_loopback
from sidecar.core.proxy import Proxy

V = TypeVar("V")
_logger = logging.getLogger(__name__)
_MOST_BYTES: Final = 64 * 1024
_MOST_KEPT: Final = 64
_AT_ONCE: Final = 8
_TIMEOUT: Final = 3.0
_REST: Final = 5.0
# What the host itself says of names that it does not have.
_ABSENT: Final = frozenset({404, 410})
# What a gateway on the way says that looks into TLS: a halt is not to be lost to it. Nor is it the host that failed.
_FORBIDDEN: Final = 403


class SnsCertificates:
    """Use it in one loop. `timeout`: seconds for a fetch; `rest`: how long a host that failed is left alone.

    `ca_file` holds the authorities that alone are trusted, by default those of the system.
    """

    def __init__(
        self, state: Path, *, timeout: float = _TIMEOUT, rest: float = _REST, ca_file: Path | None = None
    ) -> None:
        self._folder = state / "certificates"
        self._timeout = timeout
        self._rest = rest
        self._ca_file = ca_file
        self._known: dict[str, bytes] = {}
        self._absent: dict[str, float] = {}
        self._in_flight: dict[str, asyncio.Future[bytes | None]] = {}
        self._down_until = 0.0

    async def get(self, url: str) -> bytes | None:
        """As the port says. Who asks while it is being fetched waits for the same fetch."""
        if url in self._known:
            return self._known[url]
        if time.monotonic() < self._absent.get(url, 0.0):
            return b""
        flight = self._in_flight.get(url)
        if flight is None:
            if len(self._in_flight) >= _AT_ONCE:
                return None
            flight = self._launch(url)
        return await asyncio.shield(flight)

    def _launch(self, url: str) -> asyncio.Future[bytes | None]:
        loop = asyncio.get_running_loop()
        flight = self._in_flight[url] = loop.create_future()

        def work() -> None:
            try:
                found = self._obtain(url)
            except Exception:
                # Whatever it was, those who wait are not to wait for ever.
                _logger.exception("a certificate of SNS cannot be had")
                found = None
            with contextlib.suppress(RuntimeError):  # The loop is closed: nobody waits any more.
                loop.call_soon_threadsafe(self._land, url, flight, found)

        try:
            threading.Thread(target=work, name="sns-certificate", daemon=True).start()
        except RuntimeError as error:
            _logger.warning("a certificate of SNS cannot be fetched: %s", error)
            self._land(url, flight, None)
        return flight

    def _land(self, url: str, flight: asyncio.Future[bytes | None], found: bytes | None) -> None:
        self._in_flight.pop(url, None)
        if found:
            _remember(self._known, url, found)
        elif found is not None:
            _remember(self._absent, url, time.monotonic() + self._rest)
        if not flight.done():
            flight.set_result(found)

    def _obtain(self, url: str) -> bytes | None:
        """In a thread of its own: from the disk, else from the host unless that has just failed."""
        name = url.rpartition("/")[2]
        if not CERTIFICATE_NAME.fullmatch(name):
            return None
        path = self._folder / name
        kept = _load(path)
        if kept is not None:
            return kept
        if time.monotonic() < self._down_until:
            return None
        try:
            found = self._fetch(urlsplit(url))
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._down_until = time.monotonic() + self._rest
            _logger.warning("the certificate %s cannot be had: %s", name, error)
            return None
        if found:
            _store(path, found)
        return found

    def _fetch(self, url: SplitResult) -> bytes | None:
        """Empty where the host has none, None where it is withheld. Raises OSError, HTTPException or ValueError."""
        connection = self._connection(url)
        try:
            connection.connect()
            # A server that drips would start the time of a read anew with each byte.
            watch = threading.Timer(self._timeout, _hang_up, (connection.sock,))
            watch.daemon = True
            watch.start()
            try:
                return self._ask(connection, url.path)
            finally:
                watch.cancel()
        finally:
            connection.close()

    def _ask(self, connection: http.client.HTTPConnection, path: str) -> bytes | None:
        headers = {"User-Agent": f"ascend-sidecar/{__version__}", "Accept-Encoding": "identity"}
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        if response.status in _ABSENT:
            return b""
        if response.status == _FORBIDDEN:
            return None
        if response.status != 200:
            raise ValueError(f"the server answers {response.status}")
        pem = response.read(_MOST_BYTES + 1)
        if len(pem) > _MOST_BYTES or certified_key(pem) is None:
            raise ValueError("what the server sends is no certificate with an RSA key")
        return pem

    def _connection(self, url: SplitResult) -> http.client.HTTPConnection:
        host = url.hostname or ""
        if url.scheme == "http":
            return http.client.HTTPConnection(host, url.port, timeout=self._timeout)
        tls = ssl.create_default_context(cafile=self._ca_file)
        proxy = _proxy_for(host)
        if proxy is None:
            return http.client.HTTPSConnection(host, url.port, timeout=self._timeout, context=tls)
        through = http.client.HTTPSConnection(
            proxy.url.host or "", proxy.url.port, timeout=self._timeout, context=tls
        )
        through.set_tunnel(host, url.port or 443, dict(proxy.headers))
        return through


def _proxy_for(host: str) -> Proxy | None:
    """Raises ValueError."""
    if is_loopback(host) or proxy_bypass(host):
        return None
    given = getproxies().get("https")
    return Proxy.parse(given) if given else None


def _hang_up(sock: socket.socket | None) -> None:
    with contextlib.suppress(OSError):
        if sock is not None:
            sock.shutdown(socket.SHUT_RDWR)


def _remember(known: dict[str, V], url: str, value: V) -> None:
    known[url] = value
    if len(known) > _MOST_KEPT:
        del known[next(iter(known))]


def _load(path: Path) -> bytes | None:
    """What was kept. A file whose content is not that of its first line, its digest, is none."""
    try:
        with path.open("rb") as file:
            digest, _, pem = file.read(_MOST_BYTES + 128).partition(b"\n")
    except OSError:
        return None
    is_whole = digest == _digest(pem) and certified_key(pem) is not None
    return pem if is_whole else None


def _store(path: Path, pem: bytes) -> None:
    """A certificate that cannot be kept is fetched again by the next run."""
    draft = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_digest(pem) + b"\n" + pem)
        draft.replace(path)
    except OSError as error:
        _logger.warning("%s cannot be written: %s", path, error.strerror or error)


def _digest(pem: bytes) -> bytes:
    return b"sha256:" + hashlib.sha256(pem).hexdigest().encode()
