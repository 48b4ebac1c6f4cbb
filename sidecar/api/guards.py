"""Guards at the doors: which Host and Origin may ask, and who the caller is."""

import hashlib
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from urllib.parse import urlsplit

from sidecar.core.errors import RequestError
from sidecar.core.loopback import is_loopback
from sidecar.core.model import Caller

_REMEMBERED = 256
_CREDENTIALS = frozenset({"authorization", "x-api-key"})


class HostGuard:
    """Against DNS rebinding: a page in a browser reaches loopback under a name of its own, and that name shows."""

    def __init__(self, allowed: tuple[str, ...] = ()) -> None:
        self._allowed = frozenset(host.lower() for host in allowed)
        self._known: set[str] = set()

    def check(self, headers: Mapping[str, str]) -> None:
        """Raises RequestError (403) unless Host, and Origin where sent, name this machine or an allowed host."""
        host = headers.get("host", "")
        if host not in self._known:
            self._check_host(host)
        origin = headers.get("origin")
        if origin is not None and not self._is_ours(_hostname(origin)):
            raise RequestError("is not a loopback origin nor in allowed_hosts", field="Origin", status=403)

    def _check_host(self, host: str) -> None:
        if not self._is_ours(_hostname(f"//{host}")):
            message = "is not a loopback name nor in allowed_hosts"
            raise RequestError(message, field="Host", status=403)
        if len(self._known) < _REMEMBERED:
            self._known.add(host)

    def _is_ours(self, name: str) -> bool:
        return name in self._allowed or is_loopback(name)


def _hostname(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


class CallerGuard:
    """Bearer tokens, stored and compared as SHA-256 digests, so that neither file nor timing gives a token away.

    `required` are the digests that the operator configured: where there are any, a TCP caller must present one.
    `bound` tells the digests that the active bundle binds to agents.
    """

    def __init__(self, required: AbstractSet[str], bound: Callable[[], AbstractSet[str]]) -> None:
        self._required = required
        self._bound = bound

    def identify(self, headers: Mapping[str, str], peer: Caller) -> Caller:
        """The caller with its token, if it presents one that is known. Raises RequestError (401)."""
        if not _CREDENTIALS.isdisjoint(headers) and (token := _token(headers)):
            digest = hashlib.sha256(token.encode()).hexdigest()
            if digest in self._required or digest in self._bound():
                return Caller(peer.uid, peer.gid, peer.pid, digest)
        if self._required and peer.uid is None:
            raise RequestError("a valid bearer token is required", field="Authorization", status=401)
        return peer


def _token(headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
