"""Bodies as they are sent and as they are signed.

The signature is HMAC-SHA-256 over the timestamp, a dot, and the body as Python writes it with its members sorted. On
the wire they keep their order; the platform parses and writes again before it compares. An empty body is not signed.
"""

import hmac
import json

from sidecar.core.model import Object


def encode(body: Object | None) -> bytes | None:
    """Raises ValueError for what JSON cannot hold."""
    return None if body is None else json.dumps(body, allow_nan=False).encode()


def signature(body: Object, timestamp: str, secret: str) -> str:
    """The value of `X-Signature`."""
    signed = f"{timestamp}.{json.dumps(body, sort_keys=True, allow_nan=False)}"
    return f"v1={hmac.digest(secret.encode(), signed.encode(), 'sha256').hex()}"
