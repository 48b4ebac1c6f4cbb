"""Headers of calls to the platform, as its own SDK sends them, and `Via`, by which a loop is seen.

The daemon's key, and its signature, are on what the daemon says for itself. A call that is passed on bears what its
sender sent, and no key where the sender sent none.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from sidecar import __version__
from sidecar.adapters.platform_http.credentials import Rotating
from sidecar.adapters.platform_http.signing import signature
from sidecar.service.ports import CallersHeaders, PlatformCall

# No chain of daemons is that long on purpose.
_MOST_HOPS: Final = 16
_HOST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_SENDERS: Final = (
    "X-API-Key",
    "Authorization",
    "X-SDK-Version",
    "X-Environment",
    "X-Correlation-ID",
    "X-Request-Timestamp",
    "X-Signature",
)


class Headers:
    """What every call bears. `signing_secret` None: nothing is signed."""

    def __init__(
        self, host_id: str, environment: str, key: Rotating, signing_secret: Rotating | None
    ) -> None:
        """Raises ValueError for a `host_id` that cannot stand in a header."""
        if not _HOST_ID.fullmatch(host_id):
            raise ValueError("the host id may hold letters, digits, dots, underscores and hyphens")
        self._mark = f"ascend-sidecar/{host_id}"
        self._environment = environment
        self._key = key
        self._signing_secret = signing_secret

    async def of(self, call: PlatformCall, correlation_id: str, now: float) -> dict[str, str]:
        """Those of one attempt. `now` in epoch seconds. Raises UnusableCredential."""
        headers = {
            "User-Agent": f"ascend-sidecar/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
            "Via": f"{call.via}, {self._mark}" if call.via else self._mark,
        }
        if call.traceparent:
            headers["traceparent"] = call.traceparent
        if call.sender is not None:
            return headers | _passed_on(call.sender)
        return headers | await self._own(call, correlation_id, now)

    def loops_back(self, headers: Mapping[str, str]) -> bool:
        """Whether a request with these headers has been through here before, or through far too many."""
        via = ",".join(value for name, value in headers.items() if name.lower() == "via")
        hops = via.split(",")
        return len(hops) > _MOST_HOPS or any(self._mark in hop.split() for hop in hops)

    async def _own(self, call: PlatformCall, correlation_id: str, now: float) -> dict[str, str]:
        key = await self._key.current()
        timestamp = datetime.fromtimestamp(now, UTC).isoformat()
        own = {
            "X-API-Key": key,
            "Authorization": f"Bearer {key}",
            "X-SDK-Version": __version__,
            "X-Environment": self._environment,
            "X-Correlation-ID": correlation_id,
            "X-Request-Timestamp": timestamp,
        }
        if self._signing_secret is not None and call.body:
            own["X-Signature"] = signature(call.body, timestamp, await self._signing_secret.current())
        return own


def _passed_on(sender: CallersHeaders) -> dict[str, str]:
    sent = {name.lower(): value for name, value in sender.headers.items()}
    return {name: sent[name.lower()] for name in _SENDERS if name.lower() in sent}
