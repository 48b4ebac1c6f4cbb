"""Signing: a request of the JSON protocol as bytes, signed by SigV4 for the time that AWS has, not that we have."""

import logging
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from sidecar import __version__
from sidecar.adapters.killswitch_sqs.endpoint import Endpoint

CONTENT_TYPE: Final = "application/x-amz-json-1.0"
_logger = logging.getLogger(__name__)
# SigV4 bears five minutes. What less than one is of it does not explain a refusal.
_TOLERATED: Final = 60.0
# From 2020 to 2100: for what is far beyond, nothing can be signed, and no clock of AWS shows it.
_EARLIEST: Final = 1_577_836_800.0
_LATEST: Final = 4_102_444_800.0


class Skew:
    """How far the clock of AWS is from ours, in seconds, as its answers told."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def learn(self, date: str, now: float) -> bool:
        """From the Date header of an answer that came at `now`; whether that makes a difference."""
        try:
            told = parsedate_to_datetime(date).timestamp()
        except (ValueError, OverflowError):
            return False
        found = told - now
        if not _EARLIEST <= told < _LATEST or abs(found - self.seconds) <= _TOLERATED:
            return False
        _logger.warning("requests to SQS are signed for a clock %.0f s from this one", found)
        self.seconds = found
        return True


class _AtTime(SigV4Auth):  # type: ignore[misc]
    """botocore's signer, which itself knows no time but the machine's."""

    def __init__(self, credentials: ReadOnlyCredentials, region: str, at: float) -> None:
        super().__init__(credentials, "sqs", region)
        self._at = at

    def add_auth(self, request: Any) -> None:
        request.context["timestamp"] = datetime.fromtimestamp(self._at, UTC).strftime(SIGV4_TIMESTAMP)
        self._modify_request_before_signing(request)
        to_sign = self.string_to_sign(request, self.canonical_request(request))
        self._inject_signature_to_request(request, self.signature(to_sign, request))


def signed_request(
    endpoint: Endpoint, operation: str, body: bytes, credentials: ReadOnlyCredentials, at: float
) -> bytes:
    """Head and body of one call, such as `ReceiveMessage`, signed as of `at` in epoch seconds."""
    request = AWSRequest(
        "POST",
        endpoint.url,
        {"Content-Type": CONTENT_TYPE, "X-Amz-Target": f"AmazonSQS.{operation}"},
        body,
    )
    _AtTime(credentials, endpoint.region, at).add_auth(request)
    lines = [
        f"POST {endpoint.target} HTTP/1.1",
        f"Host: {endpoint.authority}",
        f"User-Agent: ascend-sidecar/{__version__}",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in request.headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body
