"""The request digest: what an approval is bound to, and by which a repeat is known as the same action.

SHA-256 over the RFC 8785 form of subject, action, resource, caller and context without its volatile members.
"""

import hashlib
from collections.abc import Set as AbstractSet

import msgspec
import rfc8785

from sidecar.core.model import JSON, Caller, Request


def request_digest(request: Request, caller: Caller, volatile: AbstractSet[str]) -> str:
    """Hex SHA-256. `volatile` names the members of `context` that differ from try to try."""
    parts = msgspec.to_builtins(request)
    parts["context"] = {name: value for name, value in request.context.items() if name not in volatile}
    parts["caller"] = caller.key
    return hashlib.sha256(rfc8785.dumps(_as_doubles(parts))).hexdigest()


def _as_doubles(value: JSON) -> JSON:
    """RFC 8785 (3.2.2.3) writes numbers as IEEE 754 doubles; larger integers keep all their digits, as text."""
    if isinstance(value, dict):
        return {name: _as_doubles(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_as_doubles(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53 - 1:
        return {"int64": str(value)}
    return value
